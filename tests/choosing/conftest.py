from types import SimpleNamespace

import pytest


@pytest.fixture
def glass_model():
    """All that a judge asks of a model that is not of the picture world."""
    return SimpleNamespace(name="sd15", native=(512, 512))


@pytest.fixture(scope="session")
def clip_files(tmp_path_factory):
    """transformers, the folder of a tiny whole CLIP as it saves one, and our tokenizer of it."""
    import torch
    import transformers
    from pipelines.vocabulary import write_tokenizer

    from sfumato.text.clip import ClipTokenizer

    folder = tmp_path_factory.mktemp("clip") / "tiny"
    write_tokenizer(folder)
    tokenizer = ClipTokenizer.from_folder(folder)
    towers = {"hidden_size": 64, "intermediate_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4}
    text = {**towers, "num_attention_heads": 1, "vocab_size": tokenizer.vocabulary_size}
    ends = {"bos_token_id": tokenizer.start, "eos_token_id": tokenizer.end, "pad_token_id": tokenizer.end}
    torch.manual_seed(0)
    config = transformers.CLIPConfig(
        text_config={**text, **ends},
        vision_config={**towers, "image_size": 32, "patch_size": 8},
        projection_dim=24,
    )
    transformers.CLIPModel(config).save_pretrained(folder)
    return transformers, folder, tokenizer
