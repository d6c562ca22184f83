"""The command `init`. This file writes a first spec to start from."""

import re
from pathlib import Path
from typing import Annotated

import typer

from gamelearn.cli.guard import echo
from gamelearn.disk import cannot_write
from gamelearn.errors import GamelearnError

STARTER = """\
# A variational autoencoder with a binary code, learned as a game of two players (eq. 13 of the paper).
#   gamelearn check {file}
#   gamelearn explain {file}
#   gamelearn train {file}
{name}

variables:                                  # type: binary | categorical | count | real
  x: {{type: binary, shape: [1, 8, 8]}}       # an image
  z: {{type: binary, shape: [32]}}            # its hidden code

data:
  dataset: {{type: digits, binarize: 0.5}}    # comes with scikit-learn; others: gamelearn list datasets
  streams: {{images: [x]}}                    # which variables the data shows together

players:                                    # each owns conditionals, 'target | givens'
  decoder:
    factors:
      z: uniform                            # no parameters
      x | z: {{net: mlp, hidden: [256]}}      # others: gamelearn list networks
  encoder:
    factors:
      z | x: {{net: mlp, hidden: [256]}}

utilities:                                  # what each player maximises, on what the others draw
  decoder: E[images(x), encoder(z | x)] log decoder(x, z)
  encoder: E[decoder(x, z)] log encoder(z | x)

train: {{rounds: 2000, batch: 128, seed: 0, optimizer: {{type: adam, lr: 1e-3}}}}
"""


def init(
    name: Annotated[str, typer.Argument(metavar="[NAME]", help="The name of the game, and of its file.")] = "my-game",
) -> None:
    """Write a small commented spec, a VAE on handwritten digits, into the current folder.

    A file that exists is not overwritten.

    \b
    gamelearn init
    gamelearn init faces
    """
    from gamelearn.spec.write import write_yaml

    stem = name.removesuffix(".yaml")
    if not re.fullmatch(r"[A-Za-z0-9][\w.-]*", stem):
        raise GamelearnError(f"{name!r} is not a name: letters, digits, '_', '-' and '.', and no folder")
    path = Path(f"{stem}.yaml")
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(STARTER.format(name=write_yaml({"name": stem}).strip(), file=path))
    except FileExistsError:
        raise GamelearnError(f"{str(path)!r} exists and is not overwritten: give another name, 'gamelearn init NAME'") from None
    except OSError as error:
        raise cannot_write(repr(str(path)), error) from error
    echo(f"wrote {path}; next: gamelearn explain {path}, gamelearn train {path}")
