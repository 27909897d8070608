"""Conditioning pictures: what a control sees of a picture, a list of joints or a list of boxes.

One file for each small family, one line here for each kind. To add one, write its maker and its line;
``making.py`` makes it by its name, and ``sfumato condition`` shows it.
"""

from sfumato.conditions.canny import canny, outlined
from sfumato.conditions.condition import Condition
from sfumato.conditions.joints import figures
from sfumato.conditions.layout import boxes, layout
from sfumato.conditions.lines import lineart, scribble, softedge
from sfumato.conditions.maps import as_is, depth, normal
from sfumato.conditions.pose import pose
from sfumato.conditions.reading import deep, directions, drawing, finished, photo
from sfumato.conditions.segmentation import segmentation
from sfumato.conditions.tones import blur, luminance, palette

CONDITIONS: dict[str, Condition] = {
    "canny": Condition(
        reader=photo,
        maker=canny,
        says="outlines one pixel wide, white on black",
        aliases=("Canny edges", "canny edge"),
        networks=("canny",),
        needs="OpenCV",
    ),
    "softedge": Condition(
        reader=photo,
        maker=softedge,
        says="outlines that fade out on both sides; not those of HED's network, but like them",
        aliases=("soft edges", "hed", "pidinet", "pidi"),
        networks=("softedge", "hed", "pidi"),
    ),
    "scribble": Condition(
        reader=photo,
        maker=scribble,
        says="a few thick strokes along the clearest outlines",
        aliases=("sketch", "fake scribble", "scribbles"),
        networks=("scribble", "sketch"),
    ),
    "lineart": Condition(
        reader=photo,
        maker=lineart,
        says="what is darker than what lies around it, as white lines on black",
        aliases=("line art", "lineart_anime", "anime_lineart", "lineart_standard"),
        networks=("lineart",),
    ),
    "luminance": Condition(
        reader=photo,
        maker=luminance,
        says="the picture in grays",
        aliases=("gray", "grey", "grayscale", "brightness", "recolor", "recolour"),
        networks=("brightness", "gray", "luminance", "recolor"),
    ),
    "blur": Condition(
        reader=photo,
        maker=blur,
        says="the picture without its detail",
        aliases=("tile", "tile_resample", "low quality"),
        networks=("tile", "blur"),
    ),
    "palette": Condition(
        reader=photo,
        maker=palette,
        says="a grid of squares, each in the mean colour of what it covers",
        aliases=("color", "colour", "colors", "colours", "color palette", "colour palette"),
        networks=("color",),
    ),
    "segmentation": Condition(
        reader=drawing,
        maker=segmentation,
        says="flat colours, each of which means a kind of thing",
        aliases=("seg", "segment", "semantic segmentation"),
        networks=("seg",),
        takes="a picture painted in such colours",
    ),
    "pose": Condition(
        reader=figures,
        maker=pose,
        says="people as stick figures in OpenPose's colours",
        aliases=("openpose", "dwpose", "stick figure", "skeleton"),
        networks=("openpose", "pose"),
        takes="a list of joints, or a picture that shows such figures",
    ),
    "depth": Condition(
        reader=deep,
        maker=depth,
        says="how near everything is: near white, far black",
        aliases=("depth map", "midas", "zoe", "depth anything"),
        networks=("depth", "zoe", "midas"),
        takes="a depth map, of 8 or 16 bits or of floats",
    ),
    "normal": Condition(
        reader=directions,
        maker=normal,
        says="which way every surface looks: red is x, green is y",
        aliases=("normal map", "normals", "normalbae", "bae"),
        networks=("normal",),
        takes="a normal map",
    ),
    "layout": Condition(
        reader=boxes,
        maker=layout,
        says="boxes on black, one for each thing, in colours by their order",
        aliases=("boxes", "bounding boxes"),
        networks=(),
        takes="a list of boxes, or a picture of such boxes",
    ),
    "edges": Condition(
        reader=photo,
        maker=outlined,
        says="outlines as the embedded model's own control reads them",
        aliases=("outlines",),
        networks=(),
        needs="OpenCV",
    ),
    "as-is": Condition(
        reader=finished,
        maker=as_is,
        says="the picture itself, which is a conditioning picture already",
        aliases=("none", "raw", "identity"),
        networks=(),
        takes="a conditioning picture",
    ),
}
