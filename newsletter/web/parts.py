"""What the pages are built of: the acts of readers, made from an open newsletter."""

from typing import NamedTuple

from newsletter.app import App
from newsletter.pipeline.choices import Choices
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.doors import Doors
from newsletter.pipeline.examples import Examples
from newsletter.pipeline.foresight import Foresight
from newsletter.pipeline.lost import Lost
from newsletter.pipeline.moving import Moving
from newsletter.pipeline.readers import Readers
from newsletter.pipeline.signups import Signups
from newsletter.pipeline.web_version import WebVersions


class Parts(NamedTuple):
    """What readers do on their pages."""

    readers: Readers
    choices: Choices
    lost: Lost
    moving: Moving
    foresight: Foresight
    signups: Signups
    examples: Examples
    web_versions: WebVersions
    doors: Doors


async def parts(app: App) -> Parts:
    """Return what readers do on the pages of an open newsletter."""
    database, clock = app.database, app.clock
    signer, doors = await app.signer(), await app.doors()

    async def composer() -> Composer:
        # By the model that is kept, and without a trace; to choose asks for thousands of papers.
        return Composer(database.far(), clock, app.settings, await app.learner.kept(), app.placing(kept=False))

    return Parts(
        await app.readers(),
        Choices(database, clock, doors, app.notices),
        Lost(database, clock, signer, app.notices, app.settings.signup),
        Moving(database, clock, signer, doors, app.notices, app.settings.newsletter),
        Foresight(clock, composer, app.sample_writer),
        await app.signups(),
        Examples(clock, app.settings, signer, composer, app.sample_writer),
        WebVersions(database, app.settings, doors, signer),
        doors,
    )
