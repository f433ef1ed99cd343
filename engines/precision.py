"""The fastest floating-point format of a device that leaves embeddings nearly unchanged."""

import torch


def fastest(device: torch.device) -> torch.dtype:
    """float16 on a GPU; bfloat16 on a CPU that multiplies it in hardware, where it takes half the time; else float32."""
    if device.type == "cuda":
        return torch.float16
    capabilities: dict[str, object] = getattr(torch.cpu, "get_capabilities", dict)()  # torch 2.8 has no such function
    return torch.bfloat16 if capabilities.get("avx512_bf16") or capabilities.get("amx_bf16") else torch.float32
