"""What ComfyUI's editor shows of the pack, made and checked: for developers of the pack."""
