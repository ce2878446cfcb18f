"""The texture's new name inside a material file, every other byte as it is on disk."""

import re

from result_packager.members import TEXTURE_IN_ARCHIVE, TEXTURE_ON_DISK

# Possessive repeats (++) throughout: a hostile line of a million digits is still read once.
_NUMBER = rb"[-+]?(?:\d++(?:\.\d*+)?+|\.\d++)(?:[eE][-+]?\d++)?+"
# Every option of a texture statement has one argument of any form and up to two more numbers
# (-s 1 1 1, -mm 0 1, -clamp on, -colorspace sRGB). Names may hold spaces, so the last word of a
# line is the whole name only where all words before it are options.
_OPTION = rb"-[A-Za-z]\w*+[ \t]++\S++(?:[ \t]++" + _NUMBER + rb"(?=[ \t])){0,2}[ \t]++"
_STATEMENT = re.compile(
    rb"((?:\A(?:\xef\xbb\xbf)?|(?<=[\r\n]))"
    rb"[ \t]*+(?i:map_\w++|bump|disp|decal|refl|norm)[ \t]++"
    rb"(?:" + _OPTION + rb")*\"?(?:\.[/\\])?)"
    rb"" + re.escape(TEXTURE_ON_DISK.encode()) + rb"(?=\"?[ \t]*+(?:[\r\n]|\Z|(?<=[ \t])#))"
)


def name_archived_texture(materials: bytes) -> bytes:
    """Let the texture statements of an MTL that name mesh.png name texture.png instead."""
    return _STATEMENT.sub(rb"\1" + TEXTURE_IN_ARCHIVE.encode(), materials)
