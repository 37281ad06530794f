// SPDX-License-Identifier: MIT
// What needs an instruction of the device.
#pragma once

inline float float_of_half(unsigned short x) {
    float result;
    asm("cvt.f32.f16 %0, %1;" : "=f"(result) : "h"(x));
    return result;
}

inline unsigned short half_of_float(float x) {
    unsigned short result;
    asm("cvt.rn.f16.f32 %0, %1;" : "=h"(result) : "f"(x));
    return result;
}
