"""The pages of the four services as one product: layout, colours, navigation, sign-in."""

from pledge.runtime.http.web.pages import Web, templates

__all__ = ["Web", "templates"]
