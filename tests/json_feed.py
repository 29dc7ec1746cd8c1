"""JSON Feed 1.1 as a schema, from its text (https://jsonfeed.org/version/1.1)."""

from typing import Any

_AUTHORS: dict[str, Any] = {
    "type": "array",
    "items": {
        "type": "object",
        "minProperties": 1,
        "properties": {name: {"type": "string"} for name in ("name", "url", "avatar")},
        "additionalProperties": False,
    },
}

# RFC 3339.
_MOMENT = {"type": "string", "pattern": r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)$"}

SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "type": "object",
    "required": ["version", "title", "items"],
    "properties": {
        "version": {"const": "https://jsonfeed.org/version/1.1"},
        "title": {"type": "string"},
        **{name: {"type": "string"} for name in ("home_page_url", "feed_url", "next_url", "icon", "favicon")},
        **{name: {"type": "string"} for name in ("description", "user_comment", "language")},
        "authors": _AUTHORS,
        "expired": {"type": "boolean"},
        "items": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["id"],
                "anyOf": [{"required": ["content_html"]}, {"required": ["content_text"]}],
                "properties": {
                    "id": {"type": "string", "minLength": 1},
                    **{name: {"type": "string"} for name in ("url", "external_url", "image", "banner_image")},
                    **{name: {"type": "string"} for name in ("title", "content_html", "content_text", "summary")},
                    "date_published": _MOMENT,
                    "date_modified": _MOMENT,
                    "authors": _AUTHORS,
                    "tags": {"type": "array", "items": {"type": "string"}},
                    "language": {"type": "string"},
                },
                "additionalProperties": False,
            },
        },
    },
    "additionalProperties": False,
}
