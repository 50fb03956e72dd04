"""How well generated parts of a clip join given ones: `spacetime measure timeline`."""
