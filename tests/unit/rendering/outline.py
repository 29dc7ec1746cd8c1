"""HTML as a reader sees it."""

from html.parser import HTMLParser

VOID = {"meta", "br", "hr", "img", "input", "link"}


class Outline(HTMLParser):
    """Reads HTML: the words that are shown, the elements in order, and whether every one is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.words = ""
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.open: list[str] = []
        self.hidden: int | None = None
        self.feed(html)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)
            if self.hidden is None and "display:none" in (dict(attrs).get("style") or ""):
                self.hidden = len(self.open)

    def handle_startendtag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self.hidden == len(self.open):
            self.hidden = None
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.hidden is None and not {"style", "title"} & set(self.open):
            self.words += data

    def attributes(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]
