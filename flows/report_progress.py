"""Report progress to Prefect: an artifact per stage that fills up while its shards are worked on."""

from uuid import UUID

from prefect.artifacts import create_progress_artifact, update_progress_artifact

from domain.ids import SendId


class ProgressArtifact:
    """A progress bar on the run's page: how much of a stage of a send is done."""

    def __init__(self, send_id: SendId, stage: str, total: int) -> None:
        self._total, self._done = total, 0
        key = f"{stage}-{send_id}".lower()
        made = create_progress_artifact(0.0 if total else 100.0, key=key, description=f"{stage} of {send_id}")
        self._artifact = made if isinstance(made, UUID) else None

    def advance(self) -> None:
        """One more of `total` is done."""
        self._done += 1
        if self._artifact:
            update_progress_artifact(self._artifact, progress=100.0 * self._done / self._total)
