"""Every kind of mail in every look and some languages, as files for a review; it asks no database."""

from collections.abc import AsyncIterator, Callable
from datetime import datetime
from typing import NamedTuple, get_args

from newsletter.config import Rendering, Settings
from newsletter.pipeline import samples
from newsletter.pipeline.letter import LetterWriter
from newsletter.pipeline.proofs import Proof, sample


class Sheet(NamedTuple):
    """One mail of the gallery; `name` is that of its files without an ending."""

    name: str
    kind: samples.Kind
    look: str
    language: str
    proof: Proof

    def files(self) -> dict[str, bytes]:
        """Return its files by their paths in the gallery; `light` and `dark` are so whatever the browser prefers."""
        proof = self.proof
        files = {f"{self.name}.eml": proof.content, f"{self.name}.txt": proof.text.encode()}
        if proof.html:
            files[f"{self.name}.html"] = proof.with_pictures().encode()
            files[f"light/{self.name}.html"] = proof.screen("light").encode()
            files[f"dark/{self.name}.html"] = proof.screen("dark").encode()
        return files


def looks() -> tuple[str, ...]:
    """Return the names of all looks."""
    return get_args(Rendering.model_fields["look"].annotation)


async def gallery(settings: Settings, writer: Callable[[str], LetterWriter], at: datetime) -> AsyncIterator[Sheet]:
    """Go through all mails; `writer` makes what writes those of a look, and `at` is their Date."""
    for look in looks():
        # One for all languages and kinds: what it keeps saves most of the time.
        writing = writer(look)
        for kind in samples.kinds().values():
            for language in samples.LANGUAGES:
                name = f"{kind.name}-{look}-{language}"
                yield Sheet(name, kind, look, language, await sample(settings, kind.make(language), writing, at))
