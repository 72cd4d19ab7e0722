"""Report progress to Prefect: an artifact per stage that fills up while its shards are worked on."""

from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from domain.ids import SendId
from flows.show_artifact import artifact_key


class ProgressArtifact:
    """A progress bar on the run's page: how much of a stage of a send is done."""

    def __init__(self, send_id: SendId, stage: str, total: int) -> None:
        self._total, self._done, self._title = total, 0, f"{stage} of {send_id}"
        key = artifact_key(stage, send_id)
        made = create_progress_artifact(0.0 if total else 100.0, key=key, description=self._title)
        self._artifact = made if isinstance(made, UUID) else None

    def advance(self) -> None:
        """One more of `total` is done."""
        self._done += 1
        if self._artifact:
            update_progress_artifact(self._artifact, progress=100.0 * self._done / self._total)

    def reach(self, done: int) -> None:
        """So many of `total` are done."""
        self._done = done
        if self._artifact and self._total:
            update_progress_artifact(self._artifact, progress=100.0 * done / self._total)

    def say(self, what: str) -> None:
        """Say beside the bar what is going on."""
        if self._artifact:
            progress = 100.0 * self._done / max(1, self._total)
            update_progress_artifact(self._artifact, progress=progress, description=f"{self._title}: {what}")
