"""Where papers come from: fetching, bytes to papers, TeX to readable text; knows nothing of readers or the database."""

from newsletter.feeds.identity import arxiv_id, merge, title_key
from newsletter.feeds.parsing import parse
from newsletter.feeds.works import distinct

__all__ = ["arxiv_id", "distinct", "merge", "parse", "title_key"]
