"""How well made parts of a clip join given ones: `spacetime measure timeline`."""
