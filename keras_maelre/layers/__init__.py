"""The layers that MAELRE is composed of."""

from keras_maelre.layers.average_merge import AverageMerge1D, AverageMerge2D
from keras_maelre.layers.axial_attention import AxialAttention
from keras_maelre.layers.class_token import ClassToken, SplitClassToken
from keras_maelre.layers.conv_merge import ConvMerge1D, ConvMerge2D
from keras_maelre.layers.conv_mixer import ConvMixer
from keras_maelre.layers.dot_attention import DotAttention
from keras_maelre.layers.drop_path import DropPath
from keras_maelre.layers.encoder_layer import EncoderLayer
from keras_maelre.layers.focused_attention import FocusedAttention
from keras_maelre.layers.generalized_mean import GeneralizedMean
from keras_maelre.layers.linear_attention import LinearAttention
from keras_maelre.layers.linear_merge import LinearMerge
from keras_maelre.layers.linformer_attention import LinformerAttention
from keras_maelre.layers.long_short_attention import LongShortAttention
from keras_maelre.layers.maelre_block import MaelreBlock
from keras_maelre.layers.max_merge import MaxMerge1D, MaxMerge2D
from keras_maelre.layers.nystrom_attention import NystromAttention
from keras_maelre.layers.performer_attention import PerformerAttention
from keras_maelre.layers.pool_mixer import PoolMixer
from keras_maelre.layers.position_embedding import PositionEmbedding
from keras_maelre.layers.residual_merge import ResidualMerge1D, ResidualMerge2D
from keras_maelre.layers.running_standardization import RunningStandardization
from keras_maelre.layers.self_attention import SelfAttention
from keras_maelre.layers.stem import PatchStem, SeriesStem, TokenStem
from keras_maelre.layers.token_statistics import TokenStatistics
from keras_maelre.layers.window_attention import WindowAttention

__all__ = [
    "AverageMerge1D",
    "AverageMerge2D",
    "AxialAttention",
    "ClassToken",
    "ConvMerge1D",
    "ConvMerge2D",
    "ConvMixer",
    "DotAttention",
    "DropPath",
    "EncoderLayer",
    "FocusedAttention",
    "GeneralizedMean",
    "LinearAttention",
    "LinearMerge",
    "LinformerAttention",
    "LongShortAttention",
    "MaelreBlock",
    "MaxMerge1D",
    "MaxMerge2D",
    "NystromAttention",
    "PatchStem",
    "PerformerAttention",
    "PoolMixer",
    "PositionEmbedding",
    "ResidualMerge1D",
    "ResidualMerge2D",
    "RunningStandardization",
    "SelfAttention",
    "SeriesStem",
    "SplitClassToken",
    "TokenStatistics",
    "TokenStem",
    "WindowAttention",
]
