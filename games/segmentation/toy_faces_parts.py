"""The parts of a toy face, from back to front.

Lengths are in units of half the head's height; the head's centre is the origin. This file paints the parts.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from games.segmentation.toy_faces_canvas import Canvas, Colour, Draws, Frame, Mask, Plane, frame, length

BACKGROUND, SKIN, NOSE, GLASSES, EYE, BROW, LIP, HAIR, HAT, NECK, CLOTH = 0, 1, 2, 3, 4, 6, 11, 13, 14, 17, 18


def _palette(*colours: tuple[int, int, int]) -> NDArray[np.float32]:
    return np.array(colours, np.float32) / np.float32(255)


_SKINS = _palette((240, 208, 180), (224, 178, 142), (190, 136, 98), (140, 94, 64), (100, 66, 46))
_HAIRS = _palette((40, 32, 30), (84, 56, 38), (140, 80, 44), (206, 164, 96), (150, 144, 138))
_CLOTHS = _palette((60, 84, 150), (150, 50, 52), (70, 120, 84), (222, 214, 200), (52, 50, 56), (196, 150, 96))
_BACKGROUNDS = _palette((150, 180, 206), (196, 190, 176), (96, 120, 88), (64, 70, 92), (160, 96, 80))
_IRISES = _palette((60, 40, 28), (70, 110, 150), (80, 110, 60))
_RIMS = _palette((30, 28, 30), (120, 40, 40), (60, 70, 110), (170, 140, 80))
_LIPSTICK = _palette((184, 61, 66))[0][:, None, None]
_BLUSH = _palette((255, 184, 178))[0][:, None, None]
_WHITE = np.float32(0.94)


@dataclass(frozen=True)
class Face:
    """What several parts share.

    Attributes:
        draws: the random numbers of the rows.
        size: pixels per side.
        head: coordinates that turn with the head.
        body: coordinates that turn half as far.
        turn: the angle by which the head looks to the side.
        width: half of the head's width.
        skin: the colour of face, nose and neck.
        hair: the colour of hair and brows.
    """

    draws: Draws
    size: int
    head: Frame
    body: Frame
    turn: Plane
    width: Plane
    skin: Colour
    hair: Colour

    def across(self, angle: float | Plane) -> tuple[Plane, Plane]:
        """Return where a feature at an angle from the middle of the face lies, with the factor by which it looks narrower."""
        seen = self.turn + angle
        return self.width * np.sin(seen), np.cos(seen)


def pose(draws: Draws, size: int) -> Face:
    """Return the rows' pose with the colours that several parts share."""
    scale = draws.between("scale", 0.66, 0.84)
    place = {"u": draws.between("across", -0.22, 0.22), "v": draws.between("down", -0.32, 0.0), "scale": scale}
    angle = draws.between("tilt", -0.45, 0.45)
    return Face(
        draws=draws,
        size=size,
        head=frame(size, angle=angle, **place),
        body=frame(size, angle=0.4 * angle, **place),
        turn=draws.between("turn", -0.5, 0.5),
        width=draws.between("width", 0.72, 0.9),
        skin=draws.hue("skin", _SKINS, 0.06),
        hair=draws.hue("hair", _HAIRS, 0.06),
    )


def paint_background(canvas: Canvas, face: Face) -> None:
    """Paint two colours that run into one another; in a quarter of the images one is the hair's or the skin's."""
    draws = face.draws
    first, second = draws.hue("background", _BACKGROUNDS, 0.12), draws.hue("second background", _BACKGROUNDS, 0.12)
    alike = draws.uniform("background alike")[:, None, None, None]
    first = np.where(alike < 0.125, face.hair, np.where(alike < 0.25, face.skin, first))
    second = np.where(alike < 0.25, 0.5 * first + 0.5 * second, second)
    mixed = np.clip(0.5 + draws.between("background contrast", 0.5, 4) * draws.clouds("background shapes", 4, face.size), 0, 1)
    canvas.paint(np.ones_like(mixed), first, BACKGROUND)
    canvas.paint(mixed, second, BACKGROUND)


def back_hair(face: Face) -> Plane:
    """Return the coverage of the hair behind the head: about it, in half of the images down to the shoulders."""
    draws, head = face.draws, face.head
    full = draws.between("hair volume", 1.02, 1.3)
    about = head.ellipse(0.1 * face.turn, draws.between("hair height", -0.2, -0.08), face.width * full, 0.95 * full)
    half = face.width * draws.between("hair width", 1.0, 1.25)
    end = draws.between("hair length", 0.5, 1.5)
    down = head.cover(np.minimum(half - np.abs(head.u), np.minimum(head.v, end - head.v - 0.3 * head.u**2)))
    return np.where(draws.chance("hair long", 0.5), np.maximum(about, down), about)


def paint_body(canvas: Canvas, face: Face) -> None:
    """Paint back hair, neck and cloth; in half of the images the hair falls over the cloth."""
    draws, body = face.draws, face.body
    hair, hair_colour = back_hair(face), textured(face, "hair", face.hair, 0.12)
    half, top = draws.between("neck width", 0.34, 0.5), draws.between("shoulder height", 1.1, 1.26)
    widened = half + 0.2 * np.maximum(body.v - 1.1, 0)
    neck = body.cover(np.minimum(widened - np.abs(body.u), np.minimum(body.v, 1.9 - body.v)))
    collar = body.ellipse(0, top, half * draws.between("collar width", 0.9, 1.3), draws.between("collar depth", 0.08, 0.4))
    shoulders = body.ellipse(0, top + 1, draws.between("shoulder width", 1.2, 1.8), 1)
    canvas.paint(hair, hair_colour, HAIR)
    canvas.paint(neck, face.skin * draws.between("neck shadow", 0.72, 0.92)[:, None], NECK)
    canvas.paint(shoulders * (1 - collar), textured(face, "cloth", draws.hue("cloth", _CLOTHS, 0.1), 0.1), CLOTH)
    canvas.paint(hair * draws.chance("hair over cloth", 0.5) * (1 - neck) * (1 - collar), hair_colour, HAIR)


def textured(face: Face, name: str, colour: Colour, strength: float) -> Colour:
    """Return a colour made lighter and darker by clouds."""
    return colour * (1 + strength * face.draws.clouds(name + " texture", 12, face.size)[:, None])


def paint_head(canvas: Canvas, face: Face) -> Plane:
    """Paint the skin with cheeks on it; return the coverage of the head."""
    draws, head = face.draws, face.head
    jaw = face.width * (1 - draws.between("jaw", 0.05, 0.3) * np.maximum(head.v, 0) ** 2)
    coverage = head.ellipse(0, 0, jaw, 1)
    canvas.paint(coverage, textured(face, "skin", face.skin, 0.05), SKIN)
    for side in (-0.6, 0.6):
        u, narrow = face.across(side)
        across, down = (head.u - u) / (0.22 * narrow + 0.02), (head.v - 0.3) / 0.2
        blush = draws.between("cheeks", 0, 0.3) * np.exp(-across * across - down * down)
        canvas.paint(blush * coverage, face.skin * _BLUSH, None)
    return coverage


def paint_nose(canvas: Canvas, face: Face, head: Plane) -> None:
    """Paint a nose of the skin's colour, wider at its end, with a shadow on one side."""
    draws, at = face.draws, face.head
    u, _ = face.across(0)
    long, end = draws.between("nose length", 0.38, 0.5), draws.between("nose end", 0.32, 0.42)
    u = u + 0.12 * np.sin(face.turn) * (at.v + 0.1)
    along = np.clip((at.v - end + long) / long, 0, 1.3)
    half = draws.between("nose width", 0.13, 0.19) * (0.35 + 0.65 * along**2)
    below, above = at.v - end + long, end + 0.06 - at.v - 0.8 * (at.u - u) ** 2
    coverage = at.cover(np.minimum(half - np.abs(at.u - u), np.minimum(below, above))) * head
    side = np.where(draws.chance("nose side", 0.5), np.float32(1), np.float32(-1))
    shadow = 1 - draws.between("nose shadow", 0.12, 0.3) * np.clip(0.6 + side * (at.u - u) / half, 0, 1)
    canvas.paint(coverage, face.skin * shadow[:, None], NOSE)
    for edge in (-1, 1):
        nostril = at.ellipse(u + edge * 0.5 * half, end, half * 0.28, 0.2 * half)
        canvas.paint(0.7 * nostril * coverage, 0.4 * face.skin, None)


@dataclass(frozen=True)
class Eye:
    """Where one eye is.

    Attributes:
        side: -1 on the left of the image, 1 on its right.
        u: of its centre.
        v: of its centre.
        narrow: the factor by which it looks narrower.
    """

    side: int
    u: Plane
    v: Plane
    narrow: Plane


def paint_eyes(canvas: Canvas, face: Face, head: Plane) -> None:
    """Paint brows, glasses and eyes on both sides."""
    draws, at = face.draws, face.head
    apart, down = draws.between("eye distance", 0.46, 0.56), draws.between("eye place", -0.2, -0.06)
    worn = draws.chance("glasses", 0.25)
    dark = worn & draws.chance("dark glasses", 0.4)
    rim = draws.hue("rim", _RIMS, 0.05)
    for side in (-1, 1):
        u, narrow = face.across(side * apart)
        eye = Eye(side, u, down, narrow)
        _paint_brow(canvas, face, eye, head)
        _paint_glass(canvas, face, eye, worn, np.where(dark[:, None], 0.25 * rim + 0.05, 0.8 * canvas.pixels + 0.16), rim)
        _paint_eye(canvas, face, eye, head * ~dark)
    half = face.width * np.sin(apart) - 0.2
    bridge = at.cover(np.minimum(half - np.abs(at.u - face.across(0)[0]), 0.05 - np.abs(at.v - down)))
    canvas.paint(bridge * worn * head, rim, GLASSES)


def _paint_brow(canvas: Canvas, face: Face, eye: Eye, head: Plane) -> None:
    draws, at = face.draws, face.head
    half, thick = draws.between("brow length", 0.22, 0.29) * eye.narrow, draws.between("brow thickness", 0.065, 0.1)
    across = at.u - eye.u
    arch = draws.between("brow arch", 0, 1.2) * across**2 - eye.side * draws.between("brow slope", -0.25, 0.25) * across
    middle = eye.v - draws.between("brow height", 0.26, 0.34) + arch
    coverage = at.cover(np.minimum(half - np.abs(across), thick - np.abs(at.v - middle))) * head
    canvas.paint(coverage, face.hair * draws.between("brow shade", 0.5, 0.85)[:, None], BROW)


def _paint_glass(canvas: Canvas, face: Face, eye: Eye, worn: Mask, through: Colour, rim: Colour) -> None:
    draws, at = face.draws, face.head
    half, high = draws.between("glass width", 0.27, 0.33) * eye.narrow, draws.between("glass height", 0.2, 0.26)
    corner = high * draws.between("glass corners", 0.3, 1)
    across, down = np.abs(at.u - eye.u) - half + corner, np.abs(at.v - eye.v - 0.02) - high + corner
    inside = corner - length(np.maximum(across, 0), np.maximum(down, 0))
    whole, lens = at.cover(inside) * worn, at.cover(inside - 0.055)
    canvas.paint(whole * (1 - lens), rim, GLASSES)
    canvas.paint(whole * lens, through, GLASSES)


def _paint_eye(canvas: Canvas, face: Face, eye: Eye, seen: Plane) -> None:
    draws, at = face.draws, face.head
    half, high = draws.between("eye width", 0.17, 0.22) * eye.narrow, draws.between("eye height", 0.11, 0.15)
    coverage = at.ellipse(eye.u, eye.v, half, high) * seen
    canvas.paint(coverage, np.full_like(face.skin, _WHITE), EYE)
    iris = at.ellipse(eye.u + draws.between("look", -0.07, 0.07), eye.v, 0.6 * high, 0.85 * high)
    canvas.paint(iris * coverage, draws.hue("iris", _IRISES, 0.08), None)
    lid = at.cover(eye.v - high * draws.between("lid", 0.2, 0.9) - at.v)
    canvas.paint(lid * coverage, 0.7 * face.skin, None)


def paint_mouth(canvas: Canvas, face: Face, head: Plane) -> None:
    """Paint lips, curved up or down, with the line or the gap between them."""
    draws, at = face.draws, face.head
    u, narrow = face.across(0)
    half, high = draws.between("mouth width", 0.28, 0.4) * narrow, draws.between("mouth height", 0.1, 0.15)
    bent = at.v - draws.between("mouth place", 0.58, 0.68) + draws.between("smile", -0.5, 1.0) * (at.u - u) ** 2
    across = (at.u - u) / half
    coverage = at.cover((1 - length(across, bent / high)) * high) * head
    redness = draws.between("lip colour", 0.4, 1)[:, None]
    canvas.paint(coverage, redness * (0.5 * face.skin + 0.5 * _LIPSTICK) + (1 - redness) * 0.78 * face.skin, LIP)
    gap = high * draws.between("mouth gap", 0.12, 0.5)
    inside = at.cover((1 - length(across / 0.85, bent / gap)) * gap) * coverage
    teeth = draws.chance("teeth", 0.4)[:, None]
    canvas.paint(inside, np.where(teeth, _WHITE, 0.35 * face.skin), None)


def paint_front_hair(canvas: Canvas, face: Face) -> None:
    """Paint the hair over the forehead, parted on one side."""
    draws, at = face.draws, face.head
    part = draws.between("parting", -0.5, 0.5)
    line = draws.between("hair line", -0.85, -0.52) + draws.between("temples", 0, 0.9) * (at.u - part) ** 2
    within = at.ellipse(0, -0.02, face.width + 0.04, 1.04)
    canvas.paint(within * at.cover(line - at.v), textured(face, "hair", face.hair, 0.12), HAIR)


def paint_hat(canvas: Canvas, face: Face) -> None:
    """Paint a hat with its brim on a quarter of the heads."""
    draws, at = face.draws, face.head
    worn = draws.chance("hat", 0.25)
    edge = draws.between("hat edge", -0.6, -0.48) + draws.between("hat slope", -0.15, 0.15) * at.u
    dome = at.ellipse(0, edge + 0.05, face.width * draws.between("hat width", 1.05, 1.25), draws.between("hat height", 0.55, 0.9))
    brim = at.cover(np.minimum(face.width * draws.between("brim", 1.1, 1.6) - np.abs(at.u), 0.09 - np.abs(at.v - edge)))
    colour = textured(face, "hat", draws.hue("hat colour", _CLOTHS, 0.1), 0.08)
    canvas.paint(dome * at.cover(edge - at.v) * worn, colour, HAT)
    canvas.paint(brim * worn, colour * draws.between("brim shade", 0.6, 1.1)[:, None], HAT)


def light(canvas: Canvas, face: Face) -> None:
    """Light the images from one side, change their contrast, and add clouds with grain."""
    draws, at = face.draws, face.head
    angle, strength = draws.between("light angle", -np.pi, np.pi), draws.between("light strength", 0.05, 0.35)
    slope = strength * np.tanh(at.u * np.cos(angle) + at.v * np.sin(angle))
    gain = draws.between("exposure", 0.75, 1.15) + slope + 0.08 * draws.clouds("light clouds", 6, face.size)
    tint = 1 + 0.16 * (draws.uniform("light tint", 3) - 0.5)
    canvas.pixels *= gain[:, None] * tint[:, :, None, None]
    grain = draws.uniform("grain", 3, face.size, face.size) - draws.uniform("more grain", 3, face.size, face.size)
    canvas.pixels += draws.between("grain strength", 0.01, 0.06)[:, None] * grain
