"""Word lists in Chinese and English. A word of Latin letters counts as a whole word only, a Chinese one anywhere."""

import re

WORDS = {
    "greeting": ["您好", "你好", "早上好", "下午好", "欢迎", "hello", "good morning", "good afternoon", "welcome"],
    "empathy": ["抱歉", "对不起", "理解您", "明白您的", "辛苦", "sorry", "i understand", "apologise", "apologize"],
    "farewell": ["再见", "祝您", "感谢您", "谢谢您", "goodbye", "have a nice", "thank you", "thanks"],
    "forbidden": ["不关我", "自己看", "没办法", "不知道", "随便", "not my problem", "calm down", "no idea", "whatever"],
    "annoyed": ["投诉", "生气", "太慢", "差评", "骗", "没用", "complain", "angry", "ridiculous", "useless", "terrible"],
    "pleased": ["太好了", "满意", "谢谢", "很棒", "解决了", "great", "perfect", "thanks", "thank you", "solved"],
}


def pattern(words):
    """One expression for many words."""
    parts = [rf"\b{re.escape(word)}\b" if word.isascii() else re.escape(word) for word in words]
    return re.compile("|".join(parts), re.IGNORECASE)


BUILT_IN = {name: pattern(words) for name, words in WORDS.items()}


def lists(own):
    """The lists with the words of the house."""
    return {**BUILT_IN, **{name: pattern(WORDS[name] + words) for name, words in own.items() if words}}
