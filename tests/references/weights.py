"""The variables of the library's layers, arranged as the reference wants them."""


def dense(layer):
    return {"kernel": layer.kernel, "bias": layer.bias}


def norm(layer):
    return {"gamma": layer.gamma, "beta": layer.beta}


def attention(layer):
    weights = {}
    for name in ("input_dense", "qkv", "output_dense"):
        if hasattr(layer, name):
            weights[name] = dense(getattr(layer, name))
    for name in (
        "value_kernel",
        "landmark_kernel",
        "directions",
        "key_projection",
        "value_projection",
        "depthwise_kernel",
        "row_positions",
        "column_positions",
    ):
        if hasattr(layer, name):
            weights[name] = getattr(layer, name)
    for name in ("near_norm", "far_norm"):
        if hasattr(layer, name):
            weights[name] = norm(getattr(layer, name))
    return weights


def encoder_layer(layer):
    return {
        "attention_norm": norm(layer.attention_norm),
        "attention": attention(layer.attention),
        "mlp_norm": norm(layer.mlp_norm),
        "mlp_hidden": dense(layer.mlp_hidden),
        "mlp_output": dense(layer.mlp_output),
    }


def merge(layer):
    """The variables of a merge that has them."""
    if hasattr(layer, "norm"):
        return {"conv": dense(layer.conv), "norm": norm(layer.norm)}
    return dense(layer) if layer.weights else {}


def block(layer):
    weights = {"layers": [encoder_layer(part) for part in layer.encoder_layers]}
    if layer.merge is not None:
        weights["merge"] = merge(layer.merge)
    if layer.output_dim is not None:
        weights["expand"] = dense(layer.expand)
    return weights


def stem(layer):
    weights = {"conv": dense(layer.conv)}
    if hasattr(layer, "embedding"):
        weights["embeddings"] = layer.embedding.embeddings
    return weights


def backbone(model):
    return {
        "stem": stem(model.get_layer("stem")),
        "positions": model.get_layer("position_embedding").embeddings,
        "cls": model.get_layer("class_token").token,
        "blocks": [block(model.get_layer(f"block_{i}")) for i in range(1, 5)],
        "norm": norm(model.get_layer("norm")),
    }


def classifier(model):
    return {**backbone(model.backbone), "head": dense(model.head)}
