"""The best of several pictures of one sentence: ``judge_of`` says who judges, ``best_of`` has them judged.

Pictures of the embedded model are examined by the world's verifier (``verified.py``), where it understands
the sentence; all others by how near CLIP finds picture and sentence (``similar.py``).
"""

from sfumato.choosing.judging import judge_of
from sfumato.choosing.score import Best, Judge, Score, best_of
from sfumato.choosing.similar import read_clip

__all__ = ["Best", "Judge", "Score", "best_of", "judge_of", "read_clip"]
