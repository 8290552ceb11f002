"""Pictures, tables, quizzes and figures to move, which also work on the static page; importing it sets the style.

Everything is shown by being the last line of a cell. Colours come from :data:`COLOURS`, sizes from :func:`figure`.
"""

from mmcourse.show import diagrams, live
from mmcourse.show.diagrams import diagram
from mmcourse.show.explore import Explorer, explore
from mmcourse.show.html import Html, table, versions
from mmcourse.show.pictures import (
    Picture,
    attention_overlay,
    bare,
    figure,
    heatmap,
    images,
    patches,
    sequence,
    similarity_grid,
)
from mmcourse.show.quiz import Question, quiz
from mmcourse.show.sound import Sound, sound
from mmcourse.show.theme import COLOURS, CYCLE, INK, MUTED, PAPER, WIDTH, contrast, style

style()

__all__ = [
    "COLOURS",
    "CYCLE",
    "INK",
    "MUTED",
    "PAPER",
    "WIDTH",
    "Explorer",
    "Html",
    "Picture",
    "Question",
    "Sound",
    "attention_overlay",
    "bare",
    "contrast",
    "diagram",
    "diagrams",
    "explore",
    "figure",
    "heatmap",
    "images",
    "live",
    "patches",
    "quiz",
    "sequence",
    "similarity_grid",
    "sound",
    "style",
    "table",
    "versions",
]
