"""The options that every member of a kind has: families, networks, data sets, optimizers,
estimators, metrics, feature networks and player types.

A member of a kind adds its own fields in a subclass, beside its class. What may be written in several ways (the right-hand
side of a factor) is brought into one form here. This file imports no torch, so that the graph can read it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny

from gamelearn.errors import nearest, quoted
from gamelearn.options import Listed, Mistake, Options, Path, describe, each_valid, misspelt, mistake, mistakes_error
from gamelearn.registry import ESTIMATORS, FAMILIES, FEATURES, LEARNING_RATES, NETWORKS, Registry

Name = Annotated[str, Field(pattern=r"^[A-Za-z_]\w*$")]
Positive = Annotated[int, Field(gt=0)]
TAGS = ("net", "type")
"""The keys that hold the name of a member of a kind."""


class FamilyOptions(Options):
    """The base of every family's options."""

    type: str
    """The family."""

    variable_types: ClassVar[tuple[str, ...]]
    """The types of variables that it can describe."""
    noise: ClassVar[Literal["uniform", "normal"]] = "uniform"
    """The noise that a draw takes, one number per element."""
    offers: ClassVar[tuple[str, ...]] = ()
    """`reparameterised`: a draw has a gradient to the raw outputs; `relaxed`: there are relaxed draws; `divergence`: a closed form."""

    def own_options(self) -> dict[str, Any]:
        """Return the options that the family's constructor takes."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "type"}

    def channels(self, classes: int | None) -> int:
        """Return how many raw outputs it takes per element of a variable (with so many classes)."""
        return 1

    @property
    def has_parameters(self) -> bool:
        """Whether the family itself has parameters to learn, such as a shared scale."""
        return False


class NetworkOptions(Options):
    """The base of every network's options."""

    net: str
    """The network."""
    inputs: Listed[Name] | None = None
    """The variables it reads; by default the givens of its factor."""
    outputs: dict[Name, Name] | None = None
    """The heads of a shared network, each with the variable whose raw outputs it gives."""
    init: Literal["zero", "data"] | None = None
    """`zero`: its raw outputs begin at 0; `data`: on the first batch each begins with mean 0 and standard deviation 3."""

    def own_options(self) -> dict[str, Any]:
        """Return the options that the network's constructor takes, without the wiring."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in NetworkOptions.model_fields}


@dataclass(frozen=True)
class TableColumn:
    """A column of a table, as a variable would be declared for it.

    Attributes:
        note: what is to be said of it.
        is_left_out: whether it is taken only where it is named.
    """

    name: str
    type: str
    shape: tuple[int, ...] = ()
    classes: int | None = None
    note: str = ""
    is_left_out: bool = False


class DatasetOptions(Options):
    """The base of every data set's options."""

    type: str
    """The data set."""

    def table(self, spec_folder: FilePath, *, untrusted: bool) -> Sequence[TableColumn] | None:
        """Return the columns with their types, read from the data itself; None where the data set is no table.

        Raises:
            DataError: the data is absent or damaged.
        """
        return None

    def own_options(self) -> dict[str, Any]:
        """Return the options that the data set's constructor takes."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "type"}


class MetricOptions(Options):
    """The base of every metric's options."""

    type: str
    """The metric."""

    def own_options(self) -> dict[str, Any]:
        """Return the options that the metric's constructor takes."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "type"}


class EstimatorOptions(Options):
    """The base of every gradient estimator's options."""

    type: str
    """The estimator."""

    variable_types: ClassVar[tuple[str, ...]]
    """The types of variables through whose draws it can take a gradient."""
    needs: ClassVar[str | None] = None
    """What the family of such a draw must offer."""
    redraws: ClassVar[bool] = True
    """Whether draws are made again with a gradient; else their log-likelihoods are weighed."""
    by_class: ClassVar[bool] = False
    """Whether the draw of a categorical variable takes one number of noise per class."""
    keeps_values: ClassVar[bool] = True
    """Whether a draw with a gradient has the value of the plain draw."""

    def own_options(self) -> dict[str, Any]:
        """Return the options that the estimator's constructor takes."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "type"}

    def __str__(self) -> str:
        options = ", ".join(
            f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}" for name, value in self.own_options().items()
        )
        return f"{self.type} ({options})" if options else self.type


class FeatureOptions(Options):
    """The base of every feature network's options."""

    type: str
    """The feature network."""

    def own_options(self) -> dict[str, Any]:
        """Return the options that the feature network's constructor takes."""
        return {name: getattr(self, name) for name in type(self).model_fields if name != "type"}


def estimator_options(value: Any) -> Any:
    """Validate an estimator, given by its name or as a map with its options (used as a pydantic validator)."""
    return _by_name(ESTIMATORS, value)


def feature_options(value: Any) -> Any:
    """Validate a feature network, given by its name or as a map with its options (used as a pydantic validator)."""
    return _by_name(FEATURES, value)


def _by_name(registry: Registry, value: Any) -> Any:
    """Validate a member of a kind that may be given by its name alone."""
    if value is None or not isinstance(value, str):
        return None if value is None else registry.options_of(value)
    if value not in registry:
        raise mistake(f"unknown {registry.kind} {value!r}; known: {quoted(registry.names)}", nearest(value, registry.names))
    return registry.options_of({registry.tag: value})


class LearningRateOptions(Options):
    """The base of every learning-rate schedule's options."""

    type: str
    """The schedule."""


def _learning_rate(value: Any) -> Any:
    return None if value is None else LEARNING_RATES.options_of(value)


class OptimizerOptions(Options):
    """The base of every optimizer's options."""

    type: str = "adam"
    """The optimizer, one of torch's."""
    lr: Annotated[float, Field(gt=0)] = 1e-3
    """The learning rate."""
    schedule: Annotated[SerializeAsAny[LearningRateOptions] | None, BeforeValidator(_learning_rate)] = None
    """How the learning rate moves over the rounds."""
    clip: Annotated[float, Field(gt=0)] | None = None
    """The largest norm of the player's gradient; a longer one is scaled down to it."""


class PlayerOptions(Options):
    """The base of every player type's options."""

    type: str = "conditional"
    """The player type."""
    frozen: bool = False
    """Whether its parameters stay as they are."""
    factors: Listed[str]
    """What it can draw and score: a list of `target | givens`."""

    has_parameters: ClassVar[bool] = True
    """Whether a player of this type always has something to learn."""
    has_scores: ClassVar[bool] = False
    """Whether its factors have raw outputs that other factors may add to theirs."""
    has_given: ClassVar[bool] = False
    """Whether its distributions have `given(value, known)`, which draws elements of a variable given the others."""
    noise: ClassVar[Literal["uniform", "normal"]] = "uniform"
    """The noise that a draw takes, one number per element."""

    def own_options(self) -> dict[str, Any]:
        """Return the options that the player's constructor takes beside its factors."""
        return {name: getattr(self, name) for name in type(self).model_fields if name not in PlayerOptions.model_fields}


class Score(Options):
    """One score of a factor: `uniform`, `standard`, `free`, `network.head`, `player(t | g)`, or a network of its own."""

    path: Path
    text: str | None = None
    network: SerializeAsAny[NetworkOptions] | None = None


class RightHandSide(Options):
    """How a factor is computed: scores that add up, and the family that reads their sum."""

    scores: tuple[Score, ...]
    family: SerializeAsAny[FamilyOptions] | None = None


def _network(value: Any) -> Any:
    """Validate a network; where the key `net` is missing, only a key that no network has may be meant by it."""
    return NETWORKS.options_of(_strange(value) if isinstance(value, dict) and "net" not in value else value)


def _strange(value: dict[str, Any]) -> dict[str, Any]:
    """Return the items of a map whose keys are no options of any network."""
    known = set().union(*(each.options.keys() for each in NETWORKS))
    return {key: item for key, item in value.items() if key not in known}


def _score(path: Path, value: Any) -> Score:
    if isinstance(value, str):
        return Score(path=path, text=value)
    if isinstance(value, dict):
        if "net" in value or misspelt("net", _strange(value), ""):
            return Score(path=path, network=_network(value))
        if found := misspelt("scores", value, "lists the scores that add up"):
            raise mistakes_error(found)
    raise mistake(f"expected a network ({{net: NAME}}), 'uniform', 'standard', 'free', 'network.head' or 'player(target | givens)', got {describe(value)}")  # fmt: skip


def _right_hand_side(value: Any) -> RightHandSide:
    family = None
    found: list[Mistake] = []
    path: Path = ()
    if isinstance(value, dict) and ("net" in value or "scores" in value):
        found = misspelt("family", value, "holds the family of the factor")
        value = {key: item for key, item in value.items() if (key,) not in [each.path for each in found]}
        if "family" in value:
            families, found = each_valid([(("family",), value.pop("family"))], lambda _, item: FAMILIES.options_of(item))
            family = families[0] if families else None
        if "scores" in value:
            path = ("scores",)
            found += [Mistake((key,), f"unknown key {key!r}; known: 'scores', 'family'", on_key=True) for key in value if key != "scores"]
            value = value["scores"]
    items = [((*path, index), item) for index, item in enumerate(value)] if isinstance(value, list) else [(path, value)]
    scores, more = each_valid(items, _score)
    if not items:
        more = [Mistake(path, "a factor has at least one score")]
    if found or more:
        raise mistakes_error(found + more)
    return RightHandSide(scores=tuple(scores), family=family)


class ConditionalOptions(PlayerOptions):
    """The options of the default player type, whose factors are sums of networks' raw outputs."""

    has_parameters: ClassVar[bool] = False
    has_scores: ClassVar[bool] = True

    factors: dict[str, Annotated[RightHandSide, BeforeValidator(_right_hand_side)]]  # type: ignore[assignment]
    """`target | givens: right-hand side`."""
    networks: dict[Name, Annotated[SerializeAsAny[NetworkOptions], BeforeValidator(_network)]] = {}
    """Networks with several heads, shared by factors as `network.head`."""
