"""The ladder VAE of section 6 by hand, in plain torch: what `specs/mnist_lvae.yaml` says in thirty lines.

    python -m games.tutorial.by_hand --rounds 200 --batch 128

The decoder is p(z0) p(z1 | z0) p(x | z1) with uniform z0; the ladder encoder is q(z0 | x) q(z1 | z0, x), whose second factor
adds the decoder's raw outputs to its own (eq. 15). Each player maximises the log-likelihood of its own conditionals on data
that the other has completed (eq. 13); nothing is differentiated through a draw. This file is what the engine is tested against.
"""

import argparse
import gzip
import math
import os
from pathlib import Path

import numpy
import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

Z0, Z1 = 30, 100


class LadderDecoder(nn.Module):
    """p(z1 | z0) and p(x | z1), both by their logits."""

    def __init__(self) -> None:
        super().__init__()
        self.prior = nn.Sequential(nn.Linear(Z0, 600), nn.Tanh(), nn.Linear(600, 600), nn.Tanh(), nn.Linear(600, Z1))
        self.prior_skip = nn.Linear(Z0, Z1, bias=False)
        self.image = nn.Sequential(
            nn.ConvTranspose2d(Z1, 128, 4), nn.Tanh(),
            nn.ConvTranspose2d(128, 64, 3, stride=2), nn.Tanh(),
            nn.ConvTranspose2d(64, 64, 3), nn.Tanh(),
            nn.ConvTranspose2d(64, 64, 3), nn.Tanh(),
            nn.ConvTranspose2d(64, 32, 3, stride=2), nn.Tanh(),
            nn.ConvTranspose2d(32, 32, 2), nn.Tanh(),
            nn.Conv2d(32, 1, 3, padding=1),
        )  # fmt: skip

    def z1_logits(self, z0: Tensor) -> Tensor:
        """Return the logits of p(z1 | z0), `(batch, 100)`."""
        return self.prior(z0) + self.prior_skip(z0)

    def x_logits(self, z1: Tensor) -> Tensor:
        """Return the logits of p(x | z1), `(batch, 1, 28, 28)`."""
        return self.image(z1[:, :, None, None])


class LadderEncoder(nn.Module):
    """The deterministic encoder x -> d1 -> d0 of eq. 15: what it adds to the logits of z0 and z1."""

    def __init__(self) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 32, 3, padding=1), nn.Tanh(),
            nn.Conv2d(32, 32, 2), nn.Tanh(),
            nn.Conv2d(32, 64, 3, stride=2), nn.Tanh(),
            nn.Conv2d(64, 64, 3), nn.Tanh(),
            nn.Conv2d(64, 64, 3), nn.Tanh(),
            nn.Conv2d(64, 128, 3, stride=2), nn.Tanh(),
            nn.Conv2d(128, 600, 4), nn.Tanh(),
            nn.Flatten(),
        )  # fmt: skip
        self.d1 = nn.Linear(600, Z1)
        self.d0 = nn.Sequential(nn.Linear(600, 600), nn.Tanh(), nn.Linear(600, 600), nn.Tanh(), nn.Linear(600, Z0))
        self.d0_skip = nn.Linear(Z1, Z0, bias=False)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """Return d0, `(batch, 30)`, and d1, `(batch, 100)`, for images `(batch, 1, 28, 28)`."""
        features = self.features(x)
        d1 = self.d1(features)
        return self.d0(features) + self.d0_skip(d1), d1


def draw(logits: Tensor, noise: Tensor) -> Tensor:
    """Return bits with the probabilities of the logits, from uniform noise of their shape."""
    return (noise < torch.sigmoid(logits)).to(logits.dtype)


def log_likelihood(logits: Tensor, bits: Tensor) -> Tensor:
    """Return the mean over rows of the log-likelihood summed over bits, in nats."""
    return -binary_cross_entropy_with_logits(logits, bits, reduction="sum") / len(bits)


@torch.no_grad()
def draw_encoder(decoder: LadderDecoder, encoder: LadderEncoder, x: Tensor, noise0: Tensor, noise1: Tensor) -> tuple[Tensor, Tensor]:
    """Draw z0 and z1 from q(z0 | x) q(z1 | z0, x)."""
    d0, d1 = encoder(x)
    z0 = draw(d0, noise0)
    return z0, draw(decoder.z1_logits(z0) + d1, noise1)


@torch.no_grad()
def draw_decoder(decoder: LadderDecoder, noise0: Tensor, noise1: Tensor, noise_x: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Draw z0, z1 and x from p(z0) p(z1 | z0) p(x | z1)."""
    z0 = draw(torch.zeros_like(noise0), noise0)
    z1 = draw(decoder.z1_logits(z0), noise1)
    return z0, z1, draw(decoder.x_logits(z1), noise_x)


def decoder_loss(decoder: LadderDecoder, x: Tensor, z0: Tensor, z1: Tensor) -> Tensor:
    """Return minus log p(x, z), with log 1/2 for every bit of z0."""
    return Z0 * math.log(2) - log_likelihood(decoder.z1_logits(z0), z1) - log_likelihood(decoder.x_logits(z1), x)


def encoder_loss(decoder: LadderDecoder, encoder: LadderEncoder, x: Tensor, z0: Tensor, z1: Tensor) -> Tensor:
    """Return minus log q(z | x); the decoder's share of the logits is a constant of the encoder's gradient."""
    d0, d1 = encoder(x)
    with torch.no_grad():
        share = decoder.z1_logits(z0)
    return -log_likelihood(d0, z0) - log_likelihood(share + d1, z1)


def step(optimizer: torch.optim.Optimizer, loss: Tensor) -> None:
    """Move one player by the gradient of its loss."""
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()


def one_round(
    players: tuple[LadderDecoder, LadderEncoder],
    optimizers: tuple[torch.optim.Optimizer, torch.optim.Optimizer],
    x: Tensor,
    noises: tuple[Tensor, ...],
    mode: str = "sequence",
) -> tuple[float, float]:
    """Move both players once; return their losses.

    In sequence the encoder draws, the decoder moves, the decoder draws, the encoder moves; in parallel both draw first.

    Args:
        noises: uniform, for the encoder's z0 and z1, then the decoder's z0, z1 and x.
    """
    decoder, encoder = players
    z0, z1 = draw_encoder(decoder, encoder, x, *noises[:2])
    if mode == "parallel":
        dream = draw_decoder(decoder, *noises[2:])
        losses = decoder_loss(decoder, x, z0, z1), encoder_loss(decoder, encoder, dream[2], *dream[:2])
        step(optimizers[0], losses[0])
        step(optimizers[1], losses[1])
        return float(losses[0].detach()), float(losses[1].detach())
    first = decoder_loss(decoder, x, z0, z1)
    step(optimizers[0], first)
    dream = draw_decoder(decoder, *noises[2:])
    second = encoder_loss(decoder, encoder, dream[2], *dream[:2])
    step(optimizers[1], second)
    return float(first.detach()), float(second.detach())


def uniform_noises(batch: int) -> tuple[Tensor, ...]:
    """Return fresh noise for one round."""
    return torch.rand(batch, Z0), torch.rand(batch, Z1), torch.rand(batch, Z0), torch.rand(batch, Z1), torch.rand(batch, 1, 28, 28)


def read_images(root: Path) -> Tensor:
    """Return the training images of MNIST in a folder, binarised at 7/16, `(60000, 1, 28, 28)`."""
    packed = gzip.decompress((root / "mnist" / "train-images-idx3-ubyte.gz").read_bytes())
    grey = torch.from_numpy(numpy.frombuffer(packed, numpy.uint8, offset=16).reshape(-1, 1, 28, 28).copy())
    return (grey / 255 >= 7 / 16).float()


def main() -> None:
    """Train on the MNIST files below GAMELEARN_DATA."""
    parser = argparse.ArgumentParser(description="The ladder VAE of section 6, by hand.")
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--batch", type=int, default=128)
    options = parser.parse_args()
    torch.manual_seed(0)
    images = read_images(Path(os.environ["GAMELEARN_DATA"]))
    players = LadderDecoder(), LadderEncoder()
    optimizers = tuple(torch.optim.Adam(player.parameters(), lr=1e-4) for player in players)
    for number in range(1, options.rounds + 1):
        x = images[torch.randint(len(images), (options.batch,))]
        flips = torch.rand_like(x) < 0.001
        losses = one_round(players, (optimizers[0], optimizers[1]), torch.where(flips, 1 - x, x), uniform_noises(options.batch))
        if number % 10 == 0:
            print(f"round {number}: decoder {-losses[0]:.2f}, encoder {-losses[1]:.2f} nats")  # noqa: T201 - a tutorial talks


if __name__ == "__main__":
    main()
