"""Puppets: drawn people whose every motion is known, for tests and for training before there are videos.

A head is a solid, cast by parallel rays: an egg, a nose, ears and hair; its face is painted in the head's own
coordinates (x right, y down, z away; 1 is half the head's size, as in `ptus.model.motion`). The torso is a relief.
"""
