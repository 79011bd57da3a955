// Oracle answers what BuildKit makes of Dockerfiles: one question a line of JSON on stdin, one answer a line on stdout.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"sort"
	"strings"

	"github.com/containerd/platforms"
	"github.com/moby/buildkit/client/llb"
	"github.com/moby/buildkit/client/llb/sourceresolver"
	"github.com/moby/buildkit/frontend/dockerfile/dockerfile2llb"
	"github.com/moby/buildkit/frontend/dockerfile/instructions"
	"github.com/moby/buildkit/frontend/dockerfile/linter"
	"github.com/moby/buildkit/frontend/dockerfile/parser"
	"github.com/moby/buildkit/frontend/dockerfile/shell"
	"github.com/moby/buildkit/solver/pb"
	"github.com/moby/patternmatcher"
	"github.com/moby/patternmatcher/ignorefile"
	digest "github.com/opencontainers/go-digest"
	ocispecs "github.com/opencontainers/image-spec/specs-go/v1"
)

type question struct {
	Op         string
	Text       string
	Env        map[string]string
	Escape     string
	RawQuotes  bool
	RawEscapes bool
	SkipQuotes bool
	SkipUnset  bool
	Paths      []string
	Images     map[string]json.RawMessage
	Args       map[string]string
	Target     string
	Platform   string
}

type object = map[string]any

func main() {
	in := bufio.NewScanner(os.Stdin)
	in.Buffer(make([]byte, 1<<20), 64<<20)
	out := bufio.NewWriter(os.Stdout)
	defer out.Flush()
	for in.Scan() {
		var asked question
		if err := json.Unmarshal(in.Bytes(), &asked); err != nil {
			panic(err)
		}
		answer, err := safely(asked)
		if err != nil {
			answer = object{"error": err.Error()}
		}
		line, err := json.Marshal(answer)
		if err != nil {
			panic(err)
		}
		fmt.Fprintf(out, "%s\n", line)
		out.Flush()
	}
}

func safely(asked question) (answer any, err error) {
	defer func() {
		if what := recover(); what != nil {
			err = fmt.Errorf("panic: %v", what)
		}
	}()
	switch asked.Op {
	case "parse":
		return parse(asked)
	case "word":
		return word(asked)
	case "ignore":
		return ignore(asked)
	case "lint":
		return lint(asked)
	case "evaluate":
		return evaluate(asked)
	}
	return nil, fmt.Errorf("no such question: %s", asked.Op)
}

func parse(asked question) (any, error) {
	parsed, err := parser.Parse(strings.NewReader(asked.Text))
	if err != nil {
		return nil, err
	}
	stages, args, err := instructions.Parse(parsed.AST, linter.New(&linter.Config{}))
	if err != nil {
		return nil, err
	}
	shown := []any{}
	for _, stage := range stages {
		commands := []any{}
		for _, command := range stage.Commands {
			commands = append(commands, told(command))
		}
		shown = append(shown, object{
			"base": stage.BaseName, "name": stage.Name, "platform": stage.Platform, "lines": lines(stage.Location),
			"comments": texts(stage.Comments), "instructions": commands,
		})
	}
	global := []any{}
	for _, arg := range args {
		global = append(global, told(&arg))
	}
	empty := []int{}
	for _, warning := range parsed.Warnings {
		empty = append(empty, warning.Location.Start.Line)
	}
	return object{"escape": string(parsed.EscapeToken), "args": global, "stages": shown, "empty": empty}, nil
}

func lines(ranges []parser.Range) []int {
	if len(ranges) == 0 {
		return nil
	}
	return []int{ranges[0].Start.Line, ranges[len(ranges)-1].End.Line}
}

func texts(given []string) []string {
	if given == nil {
		return []string{}
	}
	return given
}

func pairs(given instructions.KeyValuePairs) []any {
	shown := []any{}
	for _, pair := range given {
		shown = append(shown, []any{pair.Key, pair.Value, pair.NoDelim})
	}
	return shown
}

func commandLine(given instructions.ShellDependantCmdLine) object {
	files := []any{}
	for _, file := range given.Files {
		files = append(files, []any{file.Name, file.Data, file.Chomp})
	}
	return object{"words": texts(given.CmdLine), "shell": given.PrependShell, "files": files}
}

func sources(given instructions.SourcesAndDest) object {
	inline := []any{}
	for _, one := range given.SourceContents {
		inline = append(inline, []any{one.Path, one.Data, one.Expand})
	}
	return object{"sources": texts(given.SourcePaths), "inline": inline, "target": given.DestPath}
}

func told(given instructions.Command) object {
	shown := object{}
	switch c := given.(type) {
	case *instructions.ArgCommand:
		all := []any{}
		for _, arg := range c.Args {
			all = append(all, []any{arg.Key, arg.Value})
		}
		shown["args"] = all
	case *instructions.EnvCommand:
		shown["pairs"] = pairs(c.Env)
	case *instructions.LabelCommand:
		shown["pairs"] = pairs(c.Labels)
	case *instructions.RunCommand:
		shown = commandLine(c.ShellDependantCmdLine)
		from := []string{}
		for _, mount := range instructions.GetMounts(c) {
			from = append(from, mount.From)
		}
		shown["mounts"], shown["network"], shown["security"] = from, instructions.GetNetwork(c), instructions.GetSecurity(c)
	case *instructions.CmdCommand:
		shown = commandLine(c.ShellDependantCmdLine)
	case *instructions.EntrypointCommand:
		shown = commandLine(c.ShellDependantCmdLine)
	case *instructions.CopyCommand:
		shown = sources(c.SourcesAndDest)
		shown["from"], shown["chown"], shown["chmod"], shown["link"] = c.From, c.Chown, c.Chmod, c.Link
		shown["parents"], shown["exclude"] = c.Parents, texts(c.ExcludePatterns)
	case *instructions.AddCommand:
		shown = sources(c.SourcesAndDest)
		shown["chown"], shown["chmod"], shown["link"], shown["checksum"] = c.Chown, c.Chmod, c.Link, c.Checksum
		shown["git"], shown["unpack"], shown["exclude"] = c.KeepGitDir, c.Unpack, texts(c.ExcludePatterns)
	case *instructions.OnbuildCommand:
		shown["trigger"] = c.Expression
	case *instructions.WorkdirCommand:
		shown["text"] = c.Path
	case *instructions.UserCommand:
		shown["text"] = c.User
	case *instructions.MaintainerCommand:
		shown["text"] = c.Maintainer
	case *instructions.StopSignalCommand:
		shown["text"] = c.Signal
	case *instructions.ExposeCommand:
		shown["texts"] = c.Ports
	case *instructions.VolumeCommand:
		shown["texts"] = c.Volumes
	case *instructions.ShellCommand:
		shown["texts"] = c.Shell
	case *instructions.HealthCheckCommand:
		h := c.Health
		shown["health"] = []any{h.Test, h.Interval, h.Timeout, h.StartPeriod, h.StartInterval, h.Retries}
	}
	shown["name"], shown["lines"], shown["comments"] = given.Name(), lines(given.Location()), texts(given.Comments())
	if text, ok := given.(fmt.Stringer); ok {
		shown["code"] = text.String()
	}
	return shown
}

func word(asked question) (any, error) {
	lex := shell.NewLex([]rune(asked.Escape)[0])
	lex.RawQuotes, lex.RawEscapes = asked.RawQuotes, asked.RawEscapes
	lex.SkipProcessQuotes, lex.SkipUnsetEnv = asked.SkipQuotes, asked.SkipUnset
	env := []string{}
	for key, value := range asked.Env {
		env = append(env, key+"="+value)
	}
	made, err := lex.ProcessWordWithMatches(asked.Text, shell.EnvsFromSlice(env))
	if err != nil {
		return nil, err
	}
	return object{"text": made.Result, "words": texts(made.Words), "used": keys(made.Matched), "missing": keys(made.Unmatched)}, nil
}

func keys(set map[string]struct{}) []string {
	found := []string{}
	for key := range set {
		found = append(found, key)
	}
	sort.Strings(found)
	return found
}

func ignore(asked question) (any, error) {
	patterns, err := ignorefile.ReadAll(strings.NewReader(asked.Text))
	if err != nil {
		return nil, err
	}
	matcher, err := patternmatcher.New(patterns)
	if err != nil {
		return nil, err
	}
	var found, walked strings.Builder
	for _, path := range asked.Paths {
		matched, err := matcher.MatchesOrParentMatches(path)
		if err != nil {
			return nil, err
		}
		found.WriteString(digit(matched))
		info, parts := patternmatcher.MatchInfo{}, strings.Split(path, "/")
		for at := range parts {
			matched, info, err = matcher.MatchesUsingParentResults(strings.Join(parts[:at+1], "/"), info)
			if err != nil {
				return nil, err
			}
		}
		walked.WriteString(digit(matched))
	}
	return object{"ignored": found.String(), "walked": walked.String()}, nil
}

func digit(yes bool) string {
	if yes {
		return "1"
	}
	return "0"
}

type resolver struct{ images map[string]json.RawMessage }

func (r resolver) ResolveImageConfig(_ context.Context, ref string, opt sourceresolver.Opt) (string, digest.Digest, []byte, error) {
	if image, ok := r.images[ref]; ok {
		return ref, "", image, nil
	}
	return "", "", nil, fmt.Errorf("%s: not found", ref)
}

func options(asked question) (dockerfile2llb.ConvertOpt, error) {
	opt := dockerfile2llb.ConvertOpt{MetaResolver: resolver{asked.Images}}
	opt.BuildArgs, opt.Target = asked.Args, asked.Target
	opt.BuildPlatforms = []ocispecs.Platform{{OS: "linux", Architecture: "amd64"}}
	opt.SourceMap = llb.NewSourceMap(nil, "Dockerfile", "Dockerfile", []byte(asked.Text))
	opt.SourceMap.Definition = &llb.Definition{}
	caps := pb.Caps.CapSet(pb.Caps.All())
	opt.LLBCaps = &caps
	if asked.Platform != "" {
		platform, err := platforms.Parse(asked.Platform)
		if err != nil {
			return opt, err
		}
		opt.TargetPlatform = &platform
	}
	return opt, nil
}

func lint(asked question) (any, error) {
	opt, err := options(asked)
	if err != nil {
		return nil, err
	}
	made, err := dockerfile2llb.DockerfileLint(context.Background(), []byte(asked.Text), opt)
	if err != nil {
		return nil, err
	}
	found := []any{}
	for _, warning := range made.Warnings {
		line := 0
		if ranges := warning.Location.Ranges; len(ranges) > 0 {
			line = int(ranges[0].Start.Line)
		}
		found = append(found, []any{warning.RuleName, line, warning.Detail})
	}
	answer := object{"warnings": found}
	if made.Error != nil {
		answer["failed"] = made.Error.Message
	}
	return answer, nil
}

func evaluate(asked question) (any, error) {
	opt, err := options(asked)
	if err != nil {
		return nil, err
	}
	made, err := dockerfile2llb.Dockerfile2LLB(context.Background(), []byte(asked.Text), opt)
	if err != nil {
		return nil, err
	}
	defined, err := made.State.Marshal(context.Background())
	if err != nil {
		return nil, err
	}
	execs, files, names := []any{}, []any{}, []string{}
	for _, about := range defined.Metadata {
		names = append(names, about.Description["llb.customname"])
	}
	for _, data := range defined.Def {
		var op pb.Op
		if err := op.UnmarshalVT(bytes.Clone(data)); err != nil {
			return nil, err
		}
		if exec := op.GetExec(); exec != nil {
			execs = append(execs, run(exec))
		}
		if file := op.GetFile(); file != nil {
			for _, action := range file.Actions {
				if shown := action1(action); shown != nil {
					files = append(files, shown)
				}
			}
		}
	}
	return object{"image": made.Image, "execs": execs, "files": files, "names": names}, nil
}

func run(exec *pb.ExecOp) object {
	mounts := []any{}
	for _, mount := range exec.Mounts {
		if mount.Dest == "/" {
			continue
		}
		shown := object{"target": mount.Dest, "source": mount.Selector, "readonly": mount.Readonly, "type": mount.MountType.String()}
		if mount.CacheOpt != nil {
			shown["id"], shown["sharing"] = mount.CacheOpt.ID, mount.CacheOpt.Sharing.String()
		}
		if mount.TmpfsOpt != nil {
			shown["size"] = mount.TmpfsOpt.Size
		}
		if secret := mount.SecretOpt; secret != nil {
			shown["id"], shown["optional"], shown["mode"] = secret.ID, secret.Optional, secret.Mode
			shown["uid"], shown["gid"] = secret.Uid, secret.Gid
		}
		if ssh := mount.SSHOpt; ssh != nil {
			shown["id"], shown["optional"], shown["mode"] = ssh.ID, ssh.Optional, ssh.Mode
		}
		mounts = append(mounts, shown)
	}
	secrets := []any{}
	for _, secret := range exec.Secretenv {
		secrets = append(secrets, []any{secret.ID, secret.Name, secret.Optional})
	}
	return object{
		"args": exec.Meta.Args, "env": exec.Meta.Env, "cwd": exec.Meta.Cwd, "user": exec.Meta.User, "mounts": mounts,
		"secrets": secrets, "network": exec.Network.String(), "security": exec.Security.String(),
	}
}

func action1(action *pb.FileAction) object {
	if copied := action.GetCopy(); copied != nil {
		return object{"copy": copied.Src, "target": copied.Dest, "mode": copied.Mode, "modestr": copied.ModeStr, "unpack": copied.AttemptUnpackDockerCompatibility}
	}
	if made := action.GetMkdir(); made != nil {
		return object{"mkdir": made.Path, "mode": made.Mode}
	}
	if made := action.GetMkfile(); made != nil {
		return object{"mkfile": made.Path, "mode": made.Mode, "data": string(made.Data)}
	}
	return nil
}
