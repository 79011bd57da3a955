//! A small HTTP service: it tells the time, and that it is well. For the standard library of Zig 0.17.

const std = @import("std");
const Io = std.Io;
const net = Io.net;

pub fn main(init: std.process.Init) !void {
    const io = init.io;
    std.posix.sigaction(.TERM, &.{
        .handler = .{ .handler = end },
        .mask = std.posix.sigemptyset(),
        .flags = 0,
    }, null);
    const port = try std.fmt.parseInt(u16, init.environ_map.get("PORT") orelse "8080", 10);
    const address: net.IpAddress = .{ .ip4 = .unspecified(port) };
    var server = try address.listen(io, .{ .reuse_address = true });
    std.debug.print("listening on port {d}\n", .{port});
    var group: Io.Group = .init;
    while (true) {
        const stream = try server.accept(io);
        group.concurrent(io, serve, .{ io, stream }) catch stream.close(io);
    }
}

fn end(_: std.posix.SIG) callconv(.c) void {
    std.process.exit(0);
}

fn serve(io: Io, stream: net.Stream) void {
    defer stream.close(io);
    var received: [8192]u8 = undefined;
    var sent: [1024]u8 = undefined;
    var reader = stream.reader(io, &received);
    var writer = stream.writer(io, &sent);
    var server: std.http.Server = .init(&reader.interface, &writer.interface);
    while (true) {
        var request = server.receiveHead() catch return;
        answer(io, &request) catch return;
        if (!request.head.keep_alive) return;
    }
}

fn answer(io: Io, request: *std.http.Server.Request) !void {
    if (request.head.method != .GET and request.head.method != .HEAD) {
        return request.respond("only GET\n", .{ .status = .method_not_allowed });
    }
    const target = request.head.target;
    const path = target[0 .. std.mem.indexOfScalar(u8, target, '?') orelse target.len];
    if (std.mem.eql(u8, path, "/")) {
        var text: [64]u8 = undefined;
        const now = Io.Clock.real.now(io).toSeconds();
        return request.respond(try std.fmt.bufPrint(&text, "hello from Zig, {d} seconds after 1970 began\n", .{now}), .{});
    }
    if (std.mem.eql(u8, path, "/healthz")) return request.respond("ok\n", .{});
    return request.respond("not found\n", .{ .status = .not_found });
}
