"""How each stage is trained, in words: its length, its batches, the players' optimizers with their learning rates. This file tells it."""

from typing import Any

from gamelearn.graph.model import Stage, Term
from gamelearn.options import Options
from gamelearn.report.formulas import weights_text
from gamelearn.spec.kinds import OptimizerOptions

_LENGTHS = ("rounds", "epochs", "minutes")


def length_text(stage: Stage) -> str:
    """Return how long a stage runs, such as `1,000 rounds`."""
    name, value = next((name, value) for name in _LENGTHS if (value := getattr(stage.train, name)) is not None)
    return f"{f'{value:,}'.removesuffix('.0')} {name[:-1] if value == 1 else name}"


def settings_text(stage: Stage) -> str:
    """Return the sizes of a stage's batches with what differs from the defaults in their use.

    Such as `batches of 16`, or `batches of 16 (labelled 100), ema 0.999, precision bf16, compiled`.
    """
    others = ", ".join(f"{stream} {rows:,}" for stream, rows in stage.train.batch.items() if stream != "default")
    return ", ".join([f"batches of {stage.train.batch['default']:,}" + (f" ({others})" if others else ""), *_computing(stage)])


def _computing(stage: Stage) -> list[str]:
    train = stage.train
    averages = [] if train.ema is None else [f"ema {train.ema:g}"]
    precision = [] if train.precision == "fp32" else [f"precision {train.precision}"]
    return [*averages, *precision, *(["compiled"] if train.compile else [])]


def optimizer_texts(stage: Stage) -> dict[str, str]:
    """Return the optimizer of every player that moves in a stage, such as `adam, lr 0.002, schedule cosine`."""
    return {player: optimizer_text(stage.train.optimizer_of(player)) for player in dict.fromkeys(stage.order)}


def optimizer_text(options: OptimizerOptions) -> str:
    """Return an optimizer with its learning rate, and what differs from the defaults."""
    return ", ".join([options.type, f"lr {options.lr:g}", *_changed(options)])


def _changed(options: Options) -> list[str]:
    fields = type(options).model_fields
    values = {name: getattr(options, name) for name in fields if name not in ("type", "lr")}
    return [f"{name} {_value(value)}" for name, value in values.items() if value != fields[name].default]


def _value(value: Any) -> str:
    if isinstance(value, Options):
        inner = _changed(value)
        return getattr(value, "type", "") + (f" ({', '.join(inner)})" if inner else "")
    return str(value).lower() if isinstance(value, bool) else f"{value:g}" if isinstance(value, float) else str(value)


def training(stage: Stage) -> dict[str, Any]:
    """Return how a stage is trained as JSON data."""
    train = stage.train
    optimizers = {player: train.optimizer_of(player).model_dump() for player in dict.fromkeys(stage.order)}
    lengths = {name: getattr(train, name) for name in _LENGTHS}
    computing = {"ema": train.ema, "precision": train.precision, "compile": train.compile}
    return {**lengths, "batch": dict(train.batch), **computing, "optimizers": optimizers, "keeps_optimizer": stage.keep_optimizer}


def constant_terms(terms: tuple[Term, ...]) -> list[str]:
    """Return the names of the terms that say `draws: constant`."""
    return [term.name for term in terms if term.constant_draws]


def gradient_texts(terms: tuple[Term, ...]) -> list[str]:
    """Return for each estimator that terms name what it is for, such as `gradient through draws by gregor in: 0`."""
    named = {str(term.gradient): [each.name for each in terms if each.gradient == term.gradient] for term in terms if term.gradient}
    return [f"gradient through draws by {estimator} in: {', '.join(names)}" for estimator, names in named.items()]


def sample_texts(terms: tuple[Term, ...]) -> list[str]:
    """Return for each term with several samples how many it has, and what weighs them."""
    return [
        f"{term.samples} samples per row in: {term.name}"
        + (f", weighted by the softmax of {weights}" if (weights := weights_text(term)) else "")
        for term in terms
        if term.samples > 1
    ]


def presets_text(taken: tuple[str, ...], known: tuple[str, ...]) -> str:
    """Return which presets were taken, or which there are; empty for a spec that has none."""
    if taken:
        return f"preset{'s' if len(taken) > 1 else ''} taken: {', '.join(taken)}"
    return f"no preset taken; there {'are' if len(known) > 1 else 'is'} {', '.join(known)}" if known else ""
