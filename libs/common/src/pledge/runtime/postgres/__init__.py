"""The connection pool and the schema's migrations."""
