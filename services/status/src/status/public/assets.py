"""Stylesheet and script of the public pages, under names that change with their content."""

from functools import lru_cache
from hashlib import sha256
from pathlib import Path

from fastapi import APIRouter
from fastapi.responses import Response

_FOLDER = Path(__file__).with_name("static")
_TYPES = {".css": "text/css", ".js": "text/javascript"}


@lru_cache(maxsize=1)
def assets() -> dict[str, tuple[bytes, str]]:
    """Content and media type of each asset, by its public name."""
    found: dict[str, tuple[bytes, str]] = {}
    for path in sorted(_FOLDER.iterdir()):
        if path.suffix in _TYPES:
            content = path.read_bytes()
            name = f"{path.stem}.{sha256(content).hexdigest()[:12]}{path.suffix}"
            found[name] = (content, _TYPES[path.suffix])
    return found


def address(name: str) -> str:
    """The path of the asset whose file is called `name`. KeyError if there is none."""
    stem, _, suffix = name.partition(".")
    for public in assets():
        if public.startswith(f"{stem}.") and public.endswith(f".{suffix}"):
            return f"/assets/{public}"
    raise KeyError(name)


def assets_router() -> APIRouter:
    """The route /assets/<name>."""
    router = APIRouter(include_in_schema=False)

    @router.get("/assets/{name}")
    async def asset(name: str) -> Response:
        content, media_type = assets().get(name, (b"", ""))
        if not content:
            return Response(status_code=404)
        # The name stands for the content, so it never needs asking again.
        caching = {"cache-control": "public, max-age=31536000, immutable"}
        return Response(content, media_type=f"{media_type}; charset=utf-8", headers=caching)

    return router
