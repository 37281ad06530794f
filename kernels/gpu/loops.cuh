// SPDX-License-Identifier: MIT
// Loops over arrays: every elementwise kernel is one of these around a body.
//
// A thread takes 16 bytes at a time, which is what the memory of a GPU wants, and neighbours take neighbouring ones. The
// result's packets are aligned: the elements before the first and after the last are taken one by one. An input that
// lies otherwise in memory is read in aligned packets too, and each of its own put together of two.
#pragma once
#include "storage.cuh"

template <class S>
constexpr int PER_PACKET = 16 / sizeof(S);

template <class S>
struct alignas(16) Packet {
    S at[PER_PACKET<S>];
};

struct alignas(16) Words {
    unsigned int at[4];
};

// The 16 bytes that begin `shift` bytes after the first of two packets, 0 < shift < 16.
inline Words joined(Words first, Words second, int shift) {
    unsigned int all[8];
#pragma unroll
    for (int i = 0; i < 4; ++i) all[i] = first.at[i], all[i + 4] = second.at[i];
    // By halves and by words, without an index that the compiler doesn't know.
#pragma unroll
    for (int i = 0; i < 6; ++i) all[i] = shift & 8 ? all[i + 2] : all[i];
#pragma unroll
    for (int i = 0; i < 5; ++i) all[i] = shift & 4 ? all[i + 1] : all[i];
    Words result;
#pragma unroll
    for (int i = 0; i < 4; ++i) result.at[i] = (all[i + 1] * (1ull << 32) + all[i]) >> 8 * (shift & 3);
    return result;
}

// Reads packets of an array from a pointer on, however it is aligned.
template <class S>
struct Reader {
    int shift;
    const Words* packets;

    Reader(const S* from) : shift((Size)from & 15), packets((const Words*)((const char*)from - shift)) {}

    Packet<S> operator[](Size i) const {
        Words words = packets[i];
        if (shift != 0) words = joined(words, packets[i + 1], shift);
        union {
            Words words;
            Packet<S> packet;
        } same = {words};
        return same.packet;
    }
};

// A body that is the same for all elements.
template <class Body>
struct Everywhere {
    Body body;

    Body from(Size) const { return body; }
};

template <class Body>
Everywhere(Body) -> Everywhere<Body>;

// A body whose last parameter is an α of each element's channel: a row has `channels`, each of `inner` elements.
template <class Body, class S>
struct PerChannel {
    Body body;
    const S* alpha;
    Size channels, inner;

    struct Walk {
        Body body;
        const S* alpha;
        Size channels, inner, channel, place;

        template <class... T>
        auto operator()(T... x) {
            const auto y = body(x..., load<double>(alpha[channel]));
            if (++place == inner) {
                place = 0;
                channel = channel + 1 == channels ? 0 : channel + 1;
            }
            return y;
        }
    };

    Walk from(Size element) const {
        const Size run = element / inner;
        return {body, alpha, channels, inner, run % channels, element % inner};
    }
};

template <class Body, class S>
PerChannel(Body, const S*, Size, Size) -> PerChannel<Body, S>;

// out[i] = body(in[i]...), in the arithmetic of T. All threads of the grid share it out.
template <class T, class Bodies, class S, class... In>
void elementwise(Bodies bodies, Size size, S* out, const In*... in) {
    constexpr int per = PER_PACKET<S>;
    const Size first = Size(blockIdx.x) * blockDim.x + threadIdx.x, step = Size(gridDim.x) * blockDim.x;
    const Size unaligned = (16 - ((Size)out & 15)) % 16 / sizeof(S), head = unaligned < size ? unaligned : size;
    const Size packets = (size - head) / per, tail = head + packets * per;

    auto each = [&](Reader<In>... from) {
        for (Size i = first; i < packets; i += step) {
            auto body = bodies.from(head + i * per);
            auto apply = [&](Packet<In>... x) {
                Packet<S> y;
#pragma unroll
                for (int k = 0; k < per; ++k) y.at[k] = store<S>(body(load<T>(x.at[k])...));
                ((Packet<S>*)(out + head))[i] = y;
            };
            apply(from[i]...);
        }
    };
    each(Reader<In>(in + head)...);

    for (Size i = first; i < head + (size - tail); i += step) {
        const Size element = i < head ? i : tail + (i - head);
        auto body = bodies.from(element);
        out[element] = store<S>(body(load<T>(in[element])...));
    }
}
