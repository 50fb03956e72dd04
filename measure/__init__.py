"""How well weights follow their prompts: `spacetime measure`.

Scenes are held out; each is requested once, with one seed, and no results are selected. Every
figure is reported next to two others: the meter's figure on the world's true renders of the same
scenes, and the figure of the same clips against each other's prompts.
"""
