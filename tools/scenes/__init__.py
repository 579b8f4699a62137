"""Small outdoor scenes with a class for every pixel, drawn from a seed by ``render.render_scene``.

A scene is a road through a village, seen by a pinhole camera: solids, trees and people stand on a
flat ground, are painted from far to near, lit by one sun and veiled by haze. Everything is drawn
at twice the size and averaged down, so edges are as soft as a photograph's. Colours overlap between
classes on purpose (dry grass and dirt roads, grey walls and grey skies, autumn leaves and bricks):
a small network has to make mistakes, or a check of its score would check nothing.
"""
