"""Is there a GPU that the models can use?"""


def has_gpu() -> bool:
    import ctranslate2

    return bool(ctranslate2.get_cuda_device_count())
