"""How well weights do what they are asked for: `spacetime measure`.

Scenes are held out, each is asked for once with one seed, and nothing is picked. Beside every
figure stand the meter's own on the world's true renders of the same scenes, and those of the same
clips against each other's prompts.
"""
