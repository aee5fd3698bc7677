#!/usr/bin/env ruby
# A persistent handler in Ruby: returns a string in capitals. See docs/handlers.md.
#
#     darg-worker --handler 'upper=stream:ruby examples/handlers/upper.rb'
require 'json'

# The job cannot be done, however often it is tried.
class NeverMind < StandardError; end

# One line each; $stdout.sync below sees to it that it is written at once.
def say(message)
  $stdout.write(JSON.generate(message) + "\n")
end

# The work itself: takes the job, returns the result.
def handle(job)
  text = job['args']
  raise NeverMind, 'args must be a string' unless text.is_a?(String)

  say({ nonce: job['nonce'], progress: 100 })
  text.upcase
end

def answer(job)
  { nonce: job['nonce'], done: handle(job) }
rescue NeverMind => e
  { nonce: job['nonce'], bury: e.message }
rescue StandardError => e # anything else may go better the next time
  { nonce: job['nonce'], retry: e.message }
end

$stdout.sync = true
$stdin.set_encoding('UTF-8')
hello = JSON.parse($stdin.gets || '{}')
abort 'upper.rb knows version 2 of the protocol only' unless hello['darg'] == 1 && hello['max'].to_i >= 2
say({ darg: 2 })

while (line = $stdin.gets)
  say(answer(JSON.parse(line)))
end
# The end of input: there will be no more jobs.
