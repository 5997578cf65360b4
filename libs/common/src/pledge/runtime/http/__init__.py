"""The HTTP application and server of a service: middleware, problems, limits."""
