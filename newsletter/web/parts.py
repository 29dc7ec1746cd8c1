"""What the pages are built of: the acts of readers, made from an open newsletter."""

from typing import NamedTuple

from newsletter.app import App
from newsletter.pipeline.choices import Choices
from newsletter.pipeline.compose import Composer
from newsletter.pipeline.foresight import Foresight
from newsletter.pipeline.lost import Lost
from newsletter.pipeline.moving import Moving
from newsletter.pipeline.readers import Readers


class Parts(NamedTuple):
    """What readers do on their pages."""

    readers: Readers
    choices: Choices
    lost: Lost
    moving: Moving
    foresight: Foresight


async def parts(app: App) -> Parts:
    """Return what readers do on the pages of an open newsletter."""
    database, clock = app.database, app.clock
    signer, doors = await app.signer(), await app.doors()

    async def composer() -> Composer:
        # By the model that is kept, and without a trace.
        return Composer(database, clock, app.settings, await app.learner.kept(), app.placing(kept=False))

    return Parts(
        await app.readers(),
        Choices(database, clock, doors),
        Lost(database, clock, signer, app.notices),
        Moving(database, clock, signer, doors, app.notices, app.settings.newsletter),
        Foresight(clock, composer),
    )
