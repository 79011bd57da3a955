//! A small HTTP service as a component: it tells the time, and that it is well. What it calls is declared in wit/, and is called
//! as the component model's canonical ABI has it: handles are numbers, and results are written where the last argument says.

const std = @import("std");

extern "wasi:http/types@0.2.0" fn @"[constructor]fields"() i32;
extern "wasi:http/types@0.2.0" fn @"[constructor]outgoing-response"(headers: i32) i32;
extern "wasi:http/types@0.2.0" fn @"[method]outgoing-response.set-status-code"(response: i32, code: i32) i32;
extern "wasi:http/types@0.2.0" fn @"[method]outgoing-response.body"(response: i32, made: *Made) void;
extern "wasi:http/types@0.2.0" fn @"[method]outgoing-body.write"(body: i32, made: *Made) void;
extern "wasi:http/types@0.2.0" fn @"[static]outgoing-body.finish"(body: i32, has_trailers: i32, trailers: i32, result: *Result) void;
extern "wasi:http/types@0.2.0" fn @"[method]incoming-request.path-with-query"(request: i32, path: *Path) void;
extern "wasi:http/types@0.2.0" fn @"[resource-drop]incoming-request"(request: i32) void;
extern "wasi:http/types@0.2.0" fn @"[static]response-outparam.set"(out: i32, is_error: i32, response: i32, i32, i64, i32, i32, i32, i32) void;
extern "wasi:io/streams@0.2.0" fn @"[method]output-stream.blocking-write-and-flush"(stream: i32, text: [*]const u8, length: usize, result: *Result) void;
extern "wasi:io/streams@0.2.0" fn @"[resource-drop]output-stream"(stream: i32) void;
extern "wasi:clocks/wall-clock@0.2.0" fn now(time: *Time) void;

/// A result<HANDLE>.
const Made = extern struct { is_error: i32, handle: i32 };

/// An option<string>.
const Path = extern struct { is_there: i32, text: [*]const u8, length: usize };

const Time = extern struct { seconds: u64, nanoseconds: u32 };

/// Large enough for the largest of errors, which nobody looks at.
const Result = extern struct { bytes: [64]u8 align(8) };

/// Where the host puts what it gives: here no more than the path of one request, as each has an instance of its own.
var given: [65536]u8 align(8) = undefined;
var used: usize = 0;

export fn cabi_realloc(_: usize, _: usize, alignment: usize, size: usize) usize {
    const start = std.mem.alignForward(usize, used, alignment);
    if (start + size > given.len) @trap();
    used = start + size;
    return @intFromPtr(&given) + start;
}

export fn @"wasi:http/incoming-handler@0.2.0#handle"(request: i32, out: i32) void {
    var text: [64]u8 = undefined;
    var path: Path = undefined;
    @"[method]incoming-request.path-with-query"(request, &path);
    @"[resource-drop]incoming-request"(request);
    const asked = if (path.is_there != 0) path.text[0..path.length] else "/";
    if (std.mem.eql(u8, asked, "/healthz")) {
        answer(out, 200, "ok\n");
    } else if (std.mem.eql(u8, asked, "/")) {
        var time: Time = undefined;
        now(&time);
        answer(out, 200, std.fmt.bufPrint(&text, "hello from a component, {d} seconds after 1970 began\n", .{time.seconds}) catch unreachable);
    } else {
        answer(out, 404, "not found\n");
    }
}

fn answer(out: i32, status: i32, text: []const u8) void {
    const response = @"[constructor]outgoing-response"(@"[constructor]fields"());
    _ = @"[method]outgoing-response.set-status-code"(response, status);
    var body: Made = undefined;
    var stream: Made = undefined;
    var result: Result = undefined;
    @"[method]outgoing-response.body"(response, &body);
    @"[static]response-outparam.set"(out, 0, response, 0, 0, 0, 0, 0, 0);
    @"[method]outgoing-body.write"(body.handle, &stream);
    @"[method]output-stream.blocking-write-and-flush"(stream.handle, text.ptr, text.len, &result);
    @"[resource-drop]output-stream"(stream.handle);
    @"[static]outgoing-body.finish"(body.handle, 0, 0, &result);
}
