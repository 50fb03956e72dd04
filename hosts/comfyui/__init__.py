"""ComfyUI as the host: each of its sockets' objects around the pack's networks."""
