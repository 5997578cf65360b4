"""When time counts: zones, opening hours, holidays, and arithmetic in business time."""
