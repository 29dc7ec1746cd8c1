"""Where papers come from: fetching, bytes to papers, TeX to readable text; knows nothing of readers or the database."""

from newsletter.feeds.identity import arxiv_id, distinct, merge, title_key
from newsletter.feeds.parsing import parse

__all__ = ["arxiv_id", "distinct", "merge", "parse", "title_key"]
