const std = @import("std");

pub fn main() void {
    const text = "hello from zig\n";
    _ = std.os.linux.write(1, text, text.len);
}
