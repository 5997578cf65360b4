"""The public page, its Statuspage API and its feeds."""
