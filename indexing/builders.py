"""Builders for collections' settings, with the model that they name, or with words why there is none."""

from __future__ import annotations

from indexing.analysis import Analyzer
from indexing.building import Builder
from indexing.embedder import DEFAULT
from indexing.errors import EmbedderMismatch, InvalidInput
from indexing.generations import Manifest
from indexing.lane import Lanes
from indexing.learned import Learner
from indexing.normalizers import normalizer
from indexing.settings import CollectionSettings
from indexing.tokens import tokenizer


class Builders:
    """Makes the builder that reads and embeds as a collection's settings say."""

    def __init__(self, lanes: Lanes, learner: Learner) -> None:
        self._lanes = lanes
        self._learner = learner

    def make(self, settings: CollectionSettings, learner: Learner | None = None) -> Builder:
        """A builder to reindex with; raises InvalidInput for settings without a meaning here."""
        analyzer = Analyzer(normalizer(settings.observation_normalizer), tokenizer(settings.tokenizer))
        return Builder(settings, analyzer, self._lanes[settings.embedder], learner or self._learner)

    def of(self, name: str, settings: CollectionSettings) -> Builder:
        """The builder of a collection that is there; raises EmbedderMismatch where its model isn't."""
        try:
            return self.make(settings)
        except InvalidInput as error:
            if error.field != "embedder":
                raise
            raise EmbedderMismatch(
                f"collection {name!r} is indexed with {settings.embedder}, which isn't there: {error}; "
                f"or index it with another: precedent reindex {name} --embedder {DEFAULT}"
            ) from error

    def fitting(self, name: str, manifest: Manifest) -> Builder:
        """The builder of a generation; raises EmbedderMismatch where its vectors are another model's."""
        builder = self.of(name, manifest.settings)
        if manifest.embedder != builder.lane.embedder.fingerprint:
            raise EmbedderMismatch(
                f"collection {name!r} was indexed with another build of {builder.settings.embedder}; "
                f"run: precedent reindex {name}"
            )
        return builder
