-- HAProxy asks Poolgate: `http-request lua.poolgate ADDRESS`. Printed by `poolgate snippet haproxy --lua`.
--
-- ADDRESS is where Poolgate listens: 127.0.0.1:9191, or unix@/path. The route is the variable txn.poolgate_route.
-- An allow sets txn.poolgate_allowed, the headers that tell of the caller, and where a route's token may come in a
-- cookie, txn.poolgate_cookie to the cookies without it. A denial is answered here, as Poolgate
-- words it. Whatever else happens is answered 503.

local TIMEOUT = 2000 -- milliseconds

-- All of them are in every allow, empty where there is nothing to tell.
local IDENTITY = {
    "x-poolgate-subject", "x-poolgate-identity", "x-poolgate-role", "x-poolgate-groups", "x-poolgate-decision-id",
}

-- What a denial passes on to the client.
local ANSWER = {
    "content-type", "www-authenticate", "cache-control", "retry-after", "x-poolgate-decision-id",
}

-- Headers of the connection, and those that are written here.
local OWN = {
    ["connection"] = true, ["content-length"] = true, ["expect"] = true, ["host"] = true, ["keep-alive"] = true,
    ["proxy-connection"] = true, ["te"] = true, ["trailer"] = true, ["transfer-encoding"] = true, ["upgrade"] = true,
    ["x-original-method"] = true, ["x-original-uri"] = true, ["x-forwarded-for"] = true, ["x-forwarded-proto"] = true,
}

-- The one value of a header of an answer; nil if there is none or more than one.
local function only(headers, name)
    local values = headers[name]
    if values == nil or values[0] == nil or values[1] ~= nil then return nil end
    return values[0]
end

local function answer(txn, status, headers, body)
    local reply = txn:reply({ status = status })
    for _, name in ipairs(ANSWER) do
        -- There may be a challenge for each scheme.
        local values = headers and headers[name]
        if values then
            for i = 0, #values do
                if values[i] then reply:add_header(name, values[i]) end
            end
        end
    end
    reply:set_body(body or "")
    txn:done(reply)
end

local function question(txn)
    local headers = {}
    for name, values in pairs(txn.http:req_get_headers()) do
        if not OWN[name] then
            headers[name] = {}
            for i = 0, #values do table.insert(headers[name], values[i]) end
        end
    end
    local hosts = txn.http:req_get_headers()["host"]
    if hosts == nil or hosts[1] ~= nil then return nil end
    headers["host"] = { hosts[0] }
    headers["x-original-method"] = { txn.sf:method() }
    headers["x-original-uri"] = { txn.sf:pathq() }
    headers["x-forwarded-for"] = { txn.sf:src() }
    headers["x-forwarded-proto"] = { txn.f:ssl_fc() == 1 and "https" or "http" }
    return headers
end

local function ask(txn, address)
    local headers = question(txn)
    if headers == nil then return answer(txn, 400) end
    local route = txn:get_var("txn.poolgate_route")
    local request = {
        url = "http://" .. (address:find("@", 1, true) and "poolgate" or address) .. "/routes/" .. route .. "/check/haproxy",
        headers = headers,
        timeout = TIMEOUT,
    }
    if address:find("@", 1, true) then request.dst = address end
    local response = core.httpclient():get(request)
    local status = response and response.status or 0
    if status ~= 200 then
        if status >= 400 and status <= 599 then return answer(txn, status, response.headers, response.body) end
        return answer(txn, 503)
    end
    for _, name in ipairs(IDENTITY) do
        if only(response.headers, name) == nil then return answer(txn, 503) end
    end
    for _, name in ipairs(IDENTITY) do
        txn.http:req_set_header(name, only(response.headers, name))
    end
    local cookie = only(response.headers, "cookie")
    if cookie ~= nil then txn:set_var("txn.poolgate_cookie", cookie) end
    txn:set_var("txn.poolgate_allowed", true)
end

core.register_action("poolgate", { "http-req" }, ask, 1)
