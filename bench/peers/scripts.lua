-- wrk: every machine in turn, far apart in the inventory.
local count = 1
local at = 0

function init(args)
  count = tonumber(args[1])
end

function request()
  at = (at + 7919) % count
  local path = string.format("/boot/02-de-%02x-%02x-%02x-%02x.ipxe", math.floor(at / 16777216) % 256,
    math.floor(at / 65536) % 256, math.floor(at / 256) % 256, at % 256)
  return wrk.format("GET", path, { ["User-Agent"] = "iPXE/1.21.1" })
end
