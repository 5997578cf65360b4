"""The files in which desks state their rules: read, checked, compared, begun from a template."""
