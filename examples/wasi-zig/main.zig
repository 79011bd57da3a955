//! How many lines, words and bytes come in: what wc prints. For the standard library of Zig 0.17.

const std = @import("std");
const Io = std.Io;

pub fn main(init: std.process.Init) !void {
    var input: [65536]u8 = undefined;
    var reader: Io.File.Reader = .init(.stdin(), init.io, &input);
    var lines: u64 = 0;
    var words: u64 = 0;
    var bytes: u64 = 0;
    var is_between = true;
    while (reader.interface.takeByte()) |byte| {
        bytes += 1;
        if (byte == '\n') lines += 1;
        const is_space = std.ascii.isWhitespace(byte);
        if (is_between and !is_space) words += 1;
        is_between = is_space;
    } else |err| switch (err) {
        error.EndOfStream => {},
        else => return err,
    }
    var output: [128]u8 = undefined;
    var writer: Io.File.Writer = .init(.stdout(), init.io, &output);
    try writer.interface.print("{d} {d} {d}\n", .{ lines, words, bytes });
    try writer.interface.flush();
}
