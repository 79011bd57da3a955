//! Threads, a file, a pipe, a child and two waits: what a program in Zig asks the kernel for, with nothing between.
const std = @import("std");
const linux = std.os.linux;

fn add(total: *std.atomic.Value(u32)) void {
    _ = linux.nanosleep(&.{ .sec = 0, .nsec = 100_000_000 }, null);
    _ = total.fetchAdd(1, .seq_cst);
}

fn threads() !u32 {
    var total = std.atomic.Value(u32).init(0);
    var all: [4]std.Thread = undefined;
    for (&all) |*one| one.* = try std.Thread.spawn(.{}, add, .{&total});
    for (all) |one| one.join();
    return total.load(.seq_cst);
}

fn file() usize {
    const place: i32 = @intCast(linux.open("work.txt", .{ .ACCMODE = .RDWR, .CREAT = true }, 0o600));
    defer _ = linux.close(place);
    _ = linux.write(place, "written", 7);
    var text: [16]u8 = undefined;
    const got = linux.pread(place, &text, text.len, 0);
    _ = linux.unlink("work.txt");
    return got;
}

fn child() usize {
    var ends: [2]i32 = undefined;
    _ = linux.pipe(&ends);
    const pid = linux.fork();
    if (pid == 0) {
        _ = linux.write(ends[1], "child", 5);
        linux.exit_group(3);
    }
    var text: [16]u8 = undefined;
    const got = linux.read(ends[0], &text, text.len);
    var status: i32 = 0;
    _ = linux.wait4(@intCast(pid), &status, 0, null);
    return got;
}

pub fn main() !void {
    const sum = try threads() + file() + child();
    _ = linux.nanosleep(&.{ .sec = 1, .nsec = 0 }, null);
    if (sum == 4 + 7 + 5) _ = linux.write(1, "worked\n", 7);
}
