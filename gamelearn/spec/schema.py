"""The shape of a spec: pydantic models of everything a YAML file may hold, with every default.

Formulas are kept as text; what they mean is decided in the graph. What may be written in several ways (a utility as one
string, a list or a map) is brought into one form here or in `utility.py`, each piece with the path of its place in the file.
This file holds the models with their defaults.
"""

from dataclasses import replace
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, SerializeAsAny, model_validator
from pydantic_core import PydanticCustomError

from gamelearn.errors import nearest
from gamelearn.options import Listed, Mistake, Options, describe, each_valid, misspelt, mistake, mistakes_error, validate_as
from gamelearn.registry import DATASETS, METRICS, OPTIMIZERS, PLAYERS
from gamelearn.spec.kinds import DatasetOptions, MetricOptions, Name, OptimizerOptions, PlayerOptions, Positive
from gamelearn.spec.utilities import Chain, Derived, Utility, is_deriving

_NO_DEFAULT = Mistake(("batch",), "a map of batch sizes needs a 'default'")


class Variable(Options):
    """A random variable of the game."""

    type: Literal["binary", "categorical", "count", "real"]
    """What its elements are."""
    shape: Listed[Positive] = ()
    """The shape of one value, without the batch; `[]` is a scalar."""
    classes: Annotated[int, Field(ge=2)] | None = None
    """The number of classes of a categorical variable."""

    @model_validator(mode="after")
    def _classes_fit(self) -> "Variable":
        if self.type == "categorical" and self.classes is None:
            raise mistake("a categorical variable needs 'classes', the number of its classes")
        if self.type != "categorical" and self.classes is not None:
            raise mistake(f"a {self.type} variable has no classes: only a categorical one has", path=("classes",))
        return self


NAME_OF_GAME = r"^[A-Za-z0-9][\w.-]*$"
"""What the name of a game is: also that of the folder of its runs."""


class Group(Options):
    """A named list of variables; groups may hold groups."""

    members: Listed[Name]
    """The variables and groups."""


def _patterns(value: Any) -> Any:
    return [value] if isinstance(value, str) else value


Patterns = Annotated[Listed[str], BeforeValidator(_patterns)]


def _parts(value: Any) -> Any:
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0):
        return value
    if isinstance(value, dict) and value:
        return {name: tuple(_patterns(each)) if isinstance(each, str | list) else each for name, each in value.items()}
    raise mistake(f"expected a number of groups, or a map of names to columns, got {describe(value)}")


class Columns(Options):
    """Columns of a table that become variables; the name is then that of the group of all of them."""

    columns: Patterns
    """Names of columns, or patterns such as `"*_error"`; `"*"` are all."""
    except_: Annotated[Patterns, Field(alias="except")] = ()
    """Those that are left out again, by names or patterns."""
    groups: Annotated[int | dict[Name, Listed[str]] | None, BeforeValidator(_parts)] = None
    """How the columns are divided: a number of parts of about equal size, or a map of names to patterns, one of which may be `rest`."""
    dataset: Name | None = None
    """The data set, where there are several."""


class Template(Options):
    """A part of a spec that is written once for every column of a table, or every group."""

    each: str
    """What it stands for: `column of NAME` or `group of NAME`, where `variables` say what columns NAME has."""
    players: dict[str, Any] = {}
    """As in a spec, as the keys below, with placeholders in keys and texts."""
    utilities: dict[str, Any] = {}
    """Utilities; lists are joined."""
    samplers: dict[str, Any] = {}
    """Samplers; their chains, written as lists, are joined."""
    stages: dict[str, Any] = {}
    """Stages, joined likewise."""
    schedule: dict[str, Any] = {}
    """The schedule, whose `order` is joined."""
    train: dict[str, Any] = {}
    """Training values, such as `optimizers` by player."""


def _variable_or_group(value: Any) -> Variable | Group:
    if isinstance(value, list):
        return validate_as(Group, {"members": value})
    return validate_as(Variable, value)


class Stream(Options):
    """Which variables a data set shows together."""

    variables: dict[Name, Name]
    """The variables, each with the field of the data set that holds it."""
    dataset: Name | None = None
    """The data set, where there are several."""
    take: Positive | None = None
    """How many rows to take: the first of a permutation keyed by the data seed."""
    balance: Name | None = None
    """A categorical or binary scalar variable of which each class gets the same number of rows in `take`."""
    except_: Annotated[Name | None, Field(alias="except")] = None
    """A stream whose rows this one leaves out."""


def _stream(value: Any) -> Stream:
    if isinstance(value, list):
        value = {"variables": value}
    if isinstance(value, dict) and isinstance(value.get("variables"), list):
        value = {**value, "variables": _same_names(value["variables"])}
    return validate_as(Stream, value)


def _same_names(names: list[Any]) -> dict[str, str]:
    """Bring a list of variables into the form of a map to fields, which have the same names."""
    found: list[Mistake] = []
    same: dict[str, str] = {}
    for index, name in enumerate(names):
        if not isinstance(name, str):
            found.append(Mistake(("variables", index), f"expected the name of a variable, got {describe(name)}"))
        elif name in same:
            found.append(Mistake(("variables", index), f"{name!r} stands here twice"))
        else:
            same[name] = name
    if found:
        raise mistakes_error(found)
    return same


Dataset = Annotated[SerializeAsAny[DatasetOptions], BeforeValidator(DATASETS.options_of)]


def _wrong_key(key: str, what: str) -> PydanticCustomError:
    return mistakes_error([Mistake((key,), what, on_key=True)])


class Data(Options):
    """The data sets, the streams that show them, and how they are split."""

    dataset: Dataset | None = None
    """The data set, where there is one."""
    datasets: dict[Name, Dataset] = {}
    """The data sets by name, where there are several."""
    otherwise: Dataset | None = None
    """The data set to take, loudly, where `dataset` is absent; it offers the same fields."""
    streams: dict[Name, Annotated[Stream, BeforeValidator(_stream)]] = {}
    """What is shown: a list of variables, or a map."""
    seed: int = 0
    """The seed of splits and of the rows that `take` takes."""

    @model_validator(mode="after")
    def _one_way(self) -> "Data":
        if self.dataset and self.datasets:
            raise _wrong_key("datasets", "'dataset' and 'datasets' exclude each other")
        if self.otherwise and not self.dataset:
            raise _wrong_key("otherwise", "'otherwise' stands in for 'dataset', which is missing")
        return self


class Sampler(Options):
    """A named Gibbs chain."""

    start: Chain
    """The draws that begin the chain."""
    sweep: Chain
    """The draws of one sweep, in order."""
    sweeps: Positive | None = None
    """How many sweeps a call in a utility makes (required there), and how many inference counts (there 10 by default)."""
    after: str = "end"
    """With which half-step a call ends: `end`, a draw of the sweep, or `mixture`: each row after any of them (eq. 10)."""
    burn_in: Annotated[int, Field(ge=0)] = 4
    """How many sweeps inference makes before it counts."""
    thin: Positive = 1
    """Inference counts every sweep of so many."""
    chains: Positive = 2
    """How many chains inference runs for each row."""


class Schedule(Options):
    """Which players move, and when."""

    mode: Literal["parallel", "sequence"] = "sequence"
    """`parallel`: all gradients are taken at the same parameters; `sequence`: one player after the other."""
    order: Listed[Name] | None = None
    """The players that move, in order; a repeated name is another turn. Default: the declaration's order."""


def _optimizer(value: Any) -> Any:
    return OPTIMIZERS.options_of(value, default="adam")


Optimizer = Annotated[SerializeAsAny[OptimizerOptions], BeforeValidator(_optimizer)]


class Checkpoint(Options):
    """When a checkpoint is written, beside the one at the end."""

    rounds: Positive | None = None
    """Every so many rounds."""
    minutes: Annotated[float, Field(gt=0)] | None = 10.0
    """Every so many minutes."""
    keep: Positive = 2
    """How many of the newest stay."""


class Every(Options):
    """An interval in rounds."""

    rounds: Positive
    """Every so many rounds."""


class Samples(Options):
    """When pictures are drawn, beside those at the end."""

    rounds: Positive | None = None
    """Every so many rounds."""
    count: Positive = 64
    """How many samples."""


def _batch(value: Any) -> Any:
    if isinstance(value, int):
        return {"default": value}
    if not isinstance(value, dict):
        raise mistake(f"expected a whole number, or a map of streams with a 'default', got {describe(value)}")
    return value


class Train(Options):
    """How long, how fast, and with what the players learn."""

    rounds: Positive | None = None
    """The length in rounds."""
    epochs: Annotated[float, Field(gt=0)] | None = None
    """The length in passes over the longest stream."""
    minutes: Annotated[float, Field(gt=0)] | None = None
    """The length in minutes."""
    batch: Annotated[dict[str, Positive], BeforeValidator(_batch)] = {"default": 128}
    """Rows of a batch: a number, or a map of streams with a `default`."""
    seed: int = 0
    """The seed of parameters, data order and draws."""
    optimizer: Optimizer = OptimizerOptions()
    """The optimizer of every player."""
    optimizers: dict[Name, dict[str, Any]] = {}
    """What differs from `optimizer` for one player."""
    ema: Annotated[float, Field(gt=0, lt=1)] | None = None
    """The decay of averaged weights, which sampling then uses."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """The precision of the networks' arithmetic; losses are summed in fp32."""
    compile: bool = False
    """Whether the losses are compiled by torch.compile."""
    threads: Positive | None = None
    """Threads on a CPU; by default torch's own choice. Small networks are as fast with one, which others cannot hold up."""
    checkpoint: Checkpoint = Checkpoint()
    """When a checkpoint is written."""
    log: Every = Every(rounds=10)
    """How often the utilities are logged."""
    samples: Samples = Samples()
    """When pictures are drawn."""

    @model_validator(mode="after")
    def _one_length(self) -> "Train":
        given = [name for name in ("rounds", "epochs", "minutes") if getattr(self, name) is not None]
        if len(given) > 1:
            raise mistake(f"one of 'rounds', 'epochs', 'minutes' sets the length, got {' and '.join(given)}")
        if "default" not in self.batch:
            meant = misspelt("default", self.batch, "is the batch of every other stream")
            raise mistakes_error([each.below(("batch",)) for each in meant] or [_NO_DEFAULT])
        return self

    def optimizer_of(self, player: str) -> OptimizerOptions:
        """Return the optimizer's options of one player."""
        return merge_options(self.optimizer, self.optimizers.get(player, {}))


def merge_options(base: OptimizerOptions, over: dict[str, Any]) -> OptimizerOptions:
    """Return `base` with the keys of `over` in place; another `type` replaces it whole."""
    if over.get("type", base.type) != base.type:
        return OPTIMIZERS.options_of(over)
    kept = {name: getattr(base, name) for name in base.model_fields_set}
    return OPTIMIZERS.options_of({"type": base.type, **kept, **over})


def merged_train(base: Train, over: dict[str, Any]) -> Train:
    """Return the training values of a stage: those of `over` in place of, or merged into, those of `base`.

    Raises:
        PydanticCustomError: a value of `over` is wrong; it carries the mistakes.
    """
    lengths = ("rounds", "epochs", "minutes")
    dropped = lengths if any(name in over for name in lengths) else ()
    values = {name: getattr(base, name) for name in base.model_fields_set if name not in dropped}
    for name, value in over.items():
        known = values.get(name)
        if name == "optimizer" and isinstance(value, dict):
            made, wrong = each_valid([((name,), value)], lambda _, item: merge_options(base.optimizer, item))
            if wrong:
                raise mistakes_error(wrong)
            value = made[0]
        elif isinstance(known, Options) and isinstance(value, dict):
            value = {**{field: getattr(known, field) for field in known.model_fields_set}, **value}
        elif isinstance(known, dict) and isinstance(value, dict):
            value = {**known, **value}
        values[name] = value
    return validate_as(Train, values)


class Stage(Options):
    """A part of the training with utilities of its own."""

    utilities: dict[Name, Utility] = {}
    """What each player that moves in the stage maximises; required where nothing is derived."""
    derive: Derived | None = None
    """In place of the top-level one."""
    schedule: Schedule | None = None
    """In place of the top-level one."""
    train: dict[str, Any] = {}
    """Values over the top-level ones."""
    optimizer: Literal["keep"] | None = None
    """`keep`: go on with the optimizer's state of the stage before."""


def _player(value: Any) -> Any:
    """Validate a player; where the key `type` is misspelt, factors in a list show that another type than the default is meant."""
    if isinstance(value, dict) and isinstance(value.get("factors"), list) and (found := misspelt("type", value, "names the player type")):
        raise mistakes_error(found)
    return PLAYERS.options_of(value, default="conditional")


Player = Annotated[SerializeAsAny[PlayerOptions], BeforeValidator(_player)]

Metric = Annotated[SerializeAsAny[MetricOptions], BeforeValidator(METRICS.options_of)]


_TOP_KEYS = ("extends", "presets", "templates")


class Spec(Options):
    """A whole spec, after `extends`, presets and overrides."""

    name: Annotated[str, Field(pattern=NAME_OF_GAME)]
    """The name of the game; its runs go to `runs/<name>/`."""
    require: Listed[str] = ()
    """Plugins that must be loaded."""
    variables: dict[Name, Annotated[Variable | Group, BeforeValidator(_variable_or_group)]]
    """The random variables of the game, with named groups of them."""
    data: Data = Data()
    """What is observed."""
    players: dict[Name, Player]
    """Who owns which conditional distributions."""
    utilities: dict[Name, Utility] | None = None
    """What each player maximises; excludes `stages`."""
    derive: Derived | None = None
    """How the utilities of the other players that learn are derived, in every stage that does not say it itself."""
    samplers: dict[Name, Sampler] = {}
    """Named Gibbs chains."""
    stages: dict[Name, Annotated[Stage, BeforeValidator(lambda value: validate_as(Stage, value))]] | None = None
    """Parts of the training in playing order, each with its utilities."""
    schedule: Schedule = Schedule()
    """Which players move, and when."""
    train: Train = Train()
    """How long, how fast, and with what the players learn."""
    evaluate: dict[Name, Metric] = {}
    """What `gamelearn evaluate` measures, by name; by default the metrics that fit the game."""

    @classmethod
    def _unknown(cls, key: Any) -> Mistake:
        made = super()._unknown(key)
        return replace(made, suggestion=made.suggestion or nearest(str(key), _TOP_KEYS))

    @model_validator(mode="after")
    def _one_plan(self) -> "Spec":
        if self.utilities is not None and self.stages is not None:
            raise _wrong_key("utilities", "'utilities' and 'stages' exclude each other: give each stage its own")
        if self.utilities is None and self.stages is None and not is_deriving(self.derive):
            raise mistake("the key 'utilities' is missing: what does each player maximise?")
        lacking = [name for name, stage in (self.stages or {}).items() if "utilities" not in stage.model_fields_set]
        lacking = [name for name in lacking if not is_deriving((self.stages or {})[name].derive or self.derive)]
        if lacking:
            raise mistakes_error(Mistake(("stages", name), "the key 'utilities' is missing", on_key=True) for name in lacking)
        return self
