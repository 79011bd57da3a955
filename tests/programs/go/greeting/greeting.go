// Package greeting is a dependency that the build info of depends must name.
package greeting

// From greets in the name of a language.
func From(language string) string { return "hello from " + language }
