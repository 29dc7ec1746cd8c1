"""The readers' pages; the address of a page that exists is in `web.base_url` of the settings."""
